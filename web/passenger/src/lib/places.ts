// The screens beside the code, each loaded when it is opened: by what hash, and where its way back leads.

export const PLACES = {
  topup: { load: () => import("../screens/TopUp.svelte"), back: "code" },
  account: { load: () => import("../screens/Account.svelte"), back: "code" },
  trips: { load: () => import("../screens/Trips.svelte"), back: "account" },
  number: { load: () => import("../screens/Number.svelte"), back: "account" },
} as const;
export type Place = keyof typeof PLACES;

/** The screen of an address's hash; undefined: the code's. */
export const placeOf = (hash: string): Place | undefined =>
  (Object.keys(PLACES) as Place[]).find((it) => hash === `#${it}`);
