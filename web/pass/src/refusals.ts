// What a host's page may be told. Each error says to who built the page what to do (`fix`), and to its rider, where he
// can do something, in both languages (`words`).

export type PassErrorName =
  | "BadHost"
  | "BadParty"
  | "ClockSpent"
  | "Closed"
  | "ForeignHost"
  | "HostRefused"
  | "HostUnreached"
  | "KeyGone"
  | "NothingKept"
  | "StorageFull";

export type RiderWords = {
  readonly fa: { readonly what: string; readonly next: string };
  readonly en: { readonly what: string; readonly next: string };
};

/** `data` has the facts and never a secret. */
export class PassError extends Error {
  constructor(
    override readonly name: PassErrorName,
    message: string,
    readonly fix: string,
    readonly words?: RiderWords,
    readonly data: Readonly<Record<string, number | string | boolean>> = {},
  ) {
    super(`${message}: ${fix}`);
  }
}
