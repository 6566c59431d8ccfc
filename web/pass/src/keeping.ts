// The key of this phone, what the city issued for it, and what the host's server tells. Rules:
// - the host's server gets the key's public half and a proof over a challenge; the private half leaves nowhere;
// - what is issued is checked before it is kept; a pass of another key ends nothing here: it is on another phone, or
//   this browser has lost its key, or somebody else is signed in, and its rider is told what to do;
// - a key ends by the city's word `ended` alone;
// - a host that is away changes nothing: what was told last stands.

import { LIMITS } from "$generated/tables";
import type { Reading } from "./clock";
import type { Host, Issued, Phase } from "./face";
import { hearTime, renewalDue } from "./hearing";
import { SAID } from "./hosted_words";
import { signerOf } from "./keys/webcrypto";
import { fromHex, hex, joined, same, type Bytes } from "./protocol/bytes";
import { ContractError } from "./protocol/errors";
import { readCredential, type Credential } from "./protocol/passes";
import { PassError } from "./refusals";
import { beginAccount, issued } from "./rendering";
import type { Bearer } from "./showing";
import type { Account, Store, Words } from "./store";

const badHost = (what: string, error: ContractError): PassError => {
  const facts = { ...error.data, why: error.name };
  const fix = "pass on what the city's API gave";
  return new PassError("BadHost", `${what}: ${error.message}`, fix, SAID.HostRefused, facts);
};

const keyGone = (): PassError =>
  new PassError("KeyGone", "the user's pass is of another key", "send its rider to a service desk", SAID.KeyGone);

/** What `made` makes; what a phone cannot keep is an error with its next step. Throws PassError: StorageFull. */
async function keeping<Made>(made: Promise<Made>): Promise<Made> {
  try {
    return await made;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new PassError("StorageFull", "the phone kept nothing", "ask again when there is room", SAID.StorageFull);
  }
}

/** Bytes that the host told. Throws PassError: BadHost. */
function told(what: string, text: unknown, size?: number): Bytes {
  try {
    const bytes = fromHex(text);
    if (size !== undefined && bytes.length !== size)
      throw new ContractError("WrongLength", `not ${size} bytes`, { bytes: bytes.length });
    return bytes;
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw badHost(what, error);
  }
}

export class Keeping {
  private away = false;
  private asked = false; // since the page came: an account that was moved to another phone shows there alone
  private held: Credential | undefined;

  constructor(
    private readonly store: Store,
    private readonly host: Host,
    private readonly read: () => Reading,
    private account: Account | undefined,
  ) {
    this.take(account);
  }

  get phase(): Phase {
    if (this.account?.ended !== undefined) return "ended";
    if (this.away) return "away";
    return this.held === undefined ? "none" : "ready";
  }

  get credential(): Credential | undefined {
    return this.phase === "ready" ? this.held : undefined;
  }

  /** Why the city ended it, in its own words. */
  get endedWords(): Words | undefined {
    return this.account?.ended;
  }

  bearer(party: number): Bearer | undefined {
    const credential = this.credential;
    if (credential === undefined || this.account === undefined) return undefined;
    return { credential, signer: signerOf(this.account.pair, this.account.public), party };
  }

  /** This phone's key, made if there is none that counts. Throws PassError: StorageFull. */
  async key(): Promise<Account> {
    if (this.account === undefined || this.account.ended) this.take(await keeping(beginAccount(this.store)));
    return this.account!;
  }

  /** The browser has thrown away what was kept. */
  lose(): void {
    this.take(undefined);
    this.away = true;
  }

  /** Register the key. Throws PassError. */
  async register(): Promise<void> {
    const account = await this.key();
    const signer = signerOf(account.pair, account.public);
    const challenge = told("challenge", (await this.host.challenge()).challenge, LIMITS.CHALLENGE_BYTES);
    const proof = await signer.sign("REGISTRATION", joined(challenge, signer.public));
    const proven = { public_key: hex(signer.public), challenge: hex(challenge), proof: hex(proof) };
    await this.ending(async () => this.keep(await this.host.register(proven)));
  }

  /** Hear what the host has to tell, as another tab has left it here. Throws PassError. */
  async hear(): Promise<void> {
    this.take(await keeping(this.store.account()));
    if (this.phase === "ended") return;
    await this.ending(async () => {
      if (this.held === undefined || this.away || !this.asked) await this.ask();
      if (this.held === undefined) return;
      await this.hearTime();
      await this.hearBalance();
      if (await keeping(renewalDue(this.store, this.held, this.read))) await this.ask();
    });
  }

  /** Keep the user's pass as it is now: this key's, or another's; or there is none. */
  private async ask(): Promise<void> {
    try {
      await this.keep(await this.host.pass());
    } catch (error) {
      if (!(error instanceof PassError) || error.data["status"] !== 404 || error.data["meant"] !== true) throw error;
      this.away = this.held !== undefined; // what is kept here is then somebody else's
      if (this.away) throw keyGone();
    }
  }

  private async hearTime(): Promise<void> {
    if (this.host.time === undefined) return;
    const ask = (nonce: Bytes) => this.host.time!(hex(nonce));
    for (const first of [true, false]) {
      try {
        const { issuerKey } = this.account!.registered!;
        return await keeping(hearTime(this.store, issuerKey, ask, this.read));
      } catch (error) {
        if (error instanceof PassError && error.name === "HostRefused") return; // a host that tells no time
        if (!(error instanceof ContractError)) throw error;
        if (first) await this.ask(); // another issuer's key by now
      }
    }
  }

  private async hearBalance(): Promise<void> {
    if (this.host.balance === undefined) return;
    const { balance_rials: balanceRials } = await this.host.balance();
    if (!Number.isSafeInteger(balanceRials))
      throw badHost("balance", new ContractError("WrongType", "no whole rials", {}));
    await keeping(this.store.hear({ balanceRials }));
  }

  /** Keep what was issued, if it is this key's and whole. Throws PassError: BadHost, KeyGone, StorageFull. */
  private async keep(it: Issued): Promise<void> {
    const [raw, issuerKey] = [told("credential", it.credential), told("issuer_key", it.issuer_key)];
    let credential: Credential;
    try {
      credential = await issued(raw, issuerKey);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      throw badHost("credential", error);
    }
    if (this.account === undefined || !same(credential.holder, this.account.public)) {
      this.away = true;
      throw keyGone();
    }
    const token = this.account.registered?.token ?? ""; // a host's page gets none; the app beside asks for its own
    const registered = { credentialId: hex(credential.credentialId), credential: raw, token, issuerKey };
    const mine = await keeping(this.store.change(this.account.public, { registered }));
    [this.away, this.asked] = [false, true];
    this.take(mine ? { ...this.account, registered } : await keeping(this.store.account()));
  }

  /** Where the city has ended this key, that is kept, and thrown all the same. */
  private async ending(asked: () => Promise<void>): Promise<void> {
    try {
      await asked();
    } catch (error) {
      if (error instanceof PassError && error.data["ended"] === true && this.account !== undefined) {
        const { fa, en } = error.words ?? SAID.HostRefused;
        const ended = { fa: fa.what, en: en.what };
        if (await keeping(this.store.change(this.account.public, { ended }))) this.take({ ...this.account, ended });
      }
      throw error;
    }
  }

  private take(account: Account | undefined): void {
    this.account = account;
    this.held = account?.registered && readCredential(account.registered.credential);
  }
}
