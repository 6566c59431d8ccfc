// The screens beside the code, each loaded when it is opened: by what hash, and where its way back leads.

import { CODE_HASH_MIN_CHARS } from "./limits";

export const PLACES = {
  scan: { load: () => import("../screens/Scan.svelte"), back: "code" },
  topup: { load: () => import("../screens/TopUp.svelte"), back: "code" },
  account: { load: () => import("../screens/Account.svelte"), back: "code" },
  trips: { load: () => import("../screens/Trips.svelte"), back: "account" },
  number: { load: () => import("../screens/Number.svelte"), back: "account" },
  concession: { load: () => import("../screens/Concession.svelte"), back: "account" },
  family: { load: () => import("../screens/Family.svelte"), back: "account" },
  data: { load: () => import("../screens/Data.svelte"), back: "account" },
  closing: { load: () => import("../screens/Closing.svelte"), back: "account" },
} as const;
export type Place = keyof typeof PLACES;

/** The screen of an address's hash; undefined: the code's. A vehicle code's address leads to the scan of it. */
export const placeOf = (hash: string): Place | undefined =>
  hash.length > CODE_HASH_MIN_CHARS ? "scan" : (Object.keys(PLACES) as Place[]).find((it) => hash === `#${it}`);
