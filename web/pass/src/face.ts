// What a host's page works with. It imports nothing: these types are what the built package declares.

export type Language = "fa" | "en";

/** What its rider should know, worded: what is so, and what to do next. `name` does not change with the language. */
export type Notice = { readonly name: string; readonly what: string; readonly next: string };

/** What a key proves of itself; all three lower-case hex, as the city's API takes them. */
export type Registration = { readonly public_key: string; readonly challenge: string; readonly proof: string };

/** What the city issued for this user; both lower-case hex, as the city's API gives them. */
export type Issued = { readonly credential: string; readonly issuer_key: string };

/** The city's time, Unix ms, signed over the nonce that was sent. */
export type SignedTime = { readonly time_ms: number; readonly signature: string };

/** Whole rials, below zero for what is owed. */
export type Wallet = { readonly balance_rials: number };

/**
 * The host's own server, which knows who is signed in and holds the token. `hostServer` is one over HTTP; an app with
 * a bridge of its own gives another. Each throws PassError: HostUnreached, or HostRefused.
 */
export type Host = {
  challenge(): Promise<{ readonly challenge: string }>;
  register(proven: Registration): Promise<Issued>;
  /**
   * The pass of the user who is signed in, as it is due. HostRefused with `data` of status 404 and `meant`: this user
   * has none. What says so without meaning it, as a server that is set up wrong, takes no code off the page.
   */
  pass(): Promise<Issued>;
  /** Without it a phone's wrong clock stays wrong, and a warning says that it is not known. `nonce`: hex. */
  time?(nonce: string): Promise<SignedTime>;
  balance?(): Promise<Wallet>;
};

/**
 * `none`: no pass on this phone yet, `register` brings one. `ready`: it can be shown. `away`: this user's pass is not
 * on this phone, `trouble` says what to do. `ended`: the city has ended it.
 */
export type Phase = "none" | "ready" | "away" | "ended";

export type PassState = {
  readonly phase: Phase;
  /** The code on the screen; undefined: there is none. A second and a counter never come twice. */
  readonly shown: { readonly timeS: number; readonly counter: number; readonly leftS: number } | undefined;
  /** How many come along. */
  readonly party: number;
  /** The worst first. */
  readonly warnings: readonly Notice[];
  /** Why there is no code, or why what was asked for last was not done. */
  readonly trouble: Notice | undefined;
  readonly balanceRials: number | undefined;
};

export type Options = {
  readonly host: Host;
  readonly lang?: Language;
  /** What the key is kept under: one name for each user whom the host can sign in on one phone. */
  readonly storage?: string;
  /** The phone's clock, Unix ms. */
  readonly now?: () => number;
  /** Hears every change. What it throws stops nothing. */
  readonly changed?: (state: PassState) => void;
};

export type Pass = {
  readonly state: PassState;
  /** Make this phone's key, if there is none, and register it. Throws PassError. */
  register(): Promise<void>;
  /** What a service desk types to move an account to this phone: its public key. Throws PassError: StorageFull. */
  deskKey(): Promise<string>;
  /** Show the code in an element of the page, until `hide`: while the page is seen. In one element at a time. */
  show(on: HTMLElement): void;
  hide(): void;
  /** How many come along, for the next ride. Throws PassError: BadParty. */
  bring(party: number): void;
  speak(lang: Language): void;
  /** Ask the host for time, wallet and renewal; also asked by itself. A host that is away changes nothing. */
  sync(): Promise<void>;
  /** Take everything off the page and stop. The key stays. */
  close(): void;
};
