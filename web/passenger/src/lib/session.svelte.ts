// What the screen shows, and when it changes. A code is on the screen while it is fresh and somebody looks, and at no
// other time: what was hidden is signed anew when it is seen again.

import { LIMITS } from "$generated/tables";
import { dayOf } from "@savar/pass/counter";
import { keepStored, stayAwake } from "@savar/pass/device";
import { signerOf } from "@savar/pass/keys/webcrypto";
import { CODE_OFF_MS, SYNC_EVERY_MS } from "@savar/pass/limits";
import type { Bytes } from "@savar/pass/protocol/bytes";
import { ContractError } from "@savar/pass/protocol/errors";
import type { Signer } from "@savar/pass/protocol/keys";
import { readCredential, type Credential, type Form } from "@savar/pass/protocol/passes";
import { beginAccount, cityTime, deskDigits, type Render } from "@savar/pass/rendering";
import { Showing, type Seen } from "@savar/pass/showing";
import { warningsOf, type Warning } from "@savar/pass/warnings";
import type { Trouble } from "@savar/pass/words";
import { checkedAnswer, hear, proofOf, registerAccount } from "./account";
import { Refused, Unreached, type Proven, type RegisteredTold } from "./api";
import { type Store, type Account, type Claim, type Registered, type Words } from "./store";

export type Phase = "opening" | "first" | "code" | "ended";

export class Session {
  phase = $state<Phase>("opening");
  shown = $state.raw<Render>();
  form = $state<Form>("short");
  leftS = $state<number>(LIMITS.RENDER_PERIOD_S);
  party = $state(0);
  balanceRials = $state<number>();
  warnings = $state.raw<Warning[]>([]);
  endedWords = $state.raw<Words>();
  trouble = $state<Trouble>();
  /** Why the backend refused, where it told its rider that. */
  said = $state.raw<Words>();
  deskKey = $state("");
  /** A top-up of this phone's whose end its rider has not seen. */
  toppingUp = $state(false);
  /** What somebody with the rider's number wants. */
  claim = $state<Claim>();
  /** When a key that waits for its account may ask for it again; Unix ms. */
  waitsUntilMs = $state<number>();
  /** The account that has ended was closed by its rider. */
  wasClosed = $state(false);

  store!: Store;
  private account: Account | undefined;
  private credential: Credential | undefined;
  private signer: Signer | undefined;
  private kept = true;
  private showing: Showing | undefined;
  private hearing = false;
  private elsewhere = false;

  /** Show a code out of what is kept, before anything is asked of anybody. */
  async open(kept: Promise<Store>): Promise<void> {
    try {
      this.store = await kept;
      this.account = await this.store.account();
      this.wasClosed = await this.store.closed();
      if (this.account?.registered === undefined) this.waitsUntilMs = await this.store.waits();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.trouble = "store";
      this.phase = "first";
      return;
    }
    this.showing = new Showing(
      this.store,
      async () => (await cityTime(this.store)).ms,
      (now) => this.screen(now),
      (why) => {
        this.trouble = why;
        if (why === "clock") this.leave("first");
      },
    );
    await this.take(this.account);
    document.addEventListener("visibilitychange", () => void this.seen());
    addEventListener("online", () => void this.sync());
    setInterval(() => void this.sync(), SYNC_EVERY_MS);
    this.kept = await keepStored();
    await this.sync();
  }

  /** Make this phone's key, if it has none, and register it: its rider has asked for that. */
  async begin(): Promise<void> {
    this.trouble = this.said = undefined;
    try {
      const held = this.account === undefined || this.account.ended ? await beginAccount(this.store) : this.account;
      // The time first: a phone that is set wrong would begin with a code that no bus takes.
      await this.take(await this.heard(await registerAccount(this.store, held)));
    } catch (error) {
      if (this.unkept(error)) return;
      if (!this.expected(error)) throw error;
      this.trouble = error instanceof Unreached ? "network" : "refused";
      this.said = error instanceof Refused ? error.words : undefined;
    }
  }

  /** Make this phone's key without registering it, for a desk that moves an account to it; false: none is kept. */
  async forDesk(): Promise<boolean> {
    this.trouble = this.said = undefined;
    try {
      if (this.account === undefined || this.account.ended) this.account = await beginAccount(this.store);
    } catch (error) {
      if (!this.unkept(error)) throw error;
      return false;
    }
    this.deskKey = deskDigits(this.account.public);
    return true;
  }

  /** What this phone's key, made by `forDesk`, proves itself by. Throws Unreached, Refused. */
  async proof(): Promise<Proven> {
    if (this.account === undefined) throw new Error("a proof before there is a key");
    return proofOf(this.account);
  }

  /** The account has come to this phone's key. Throws ContractError where what came is another's. */
  async have(told: RegisteredTold): Promise<void> {
    const held = this.account;
    if (held === undefined) return;
    const registered = await checkedAnswer(held, told);
    await this.store.change(held.public, { registered });
    this.trouble = this.said = undefined;
    await this.take(await this.heard({ ...held, registered }));
  }

  /** Its rider has closed the account: no code any more, and what is left of it can be read on. */
  async closed(words: Words): Promise<void> {
    const held = this.account;
    if (held === undefined) return;
    const ended = { fa: words.fa, en: words.en };
    await this.store.keepClosed(held.public);
    await this.store.change(held.public, { ended });
    this.wasClosed = true;
    await this.take({ ...held, ended });
  }

  /** What an account that was closed here is read by. */
  get former(): Registered | undefined {
    return this.wasClosed ? this.account?.registered : undefined;
  }

  /** The class that this phone's code shows. */
  riderClass(): number | undefined {
    return this.credential?.riderClass;
  }

  /** The credential anew, as of a class that was granted. Throws Unreached, Refused. */
  async again(): Promise<void> {
    if (this.account !== undefined) await this.take(await registerAccount(this.store, this.account));
  }

  /** Nothing has moved yet; this phone's key may ask again from then on. */
  async wait(untilMs: number): Promise<void> {
    await this.store.keepWaits(untilMs);
    this.waitsUntilMs = untilMs;
  }

  /** Who waits for no account any more begins with another key: the one that waits gets none. */
  async waitNoMore(): Promise<void> {
    if (this.account !== undefined) await this.store.forgetWaiting(this.account.public);
    this.account = await this.store.account();
    this.waitsUntilMs = undefined;
  }

  /** The rider looks at the code, or at another screen of the app. */
  async turn(toCode: boolean): Promise<void> {
    if (this.elsewhere === !toCode) return;
    this.elsewhere = !toCode;
    if (this.phase === "code") await this.seen();
  }

  /** The phone's public key: whose account it is. */
  get holder(): Bytes | undefined {
    return this.account?.public;
  }

  /** What registration gave, for what the other screens ask. */
  get registered(): Registered | undefined {
    return this.account?.ended === undefined ? this.account?.registered : undefined;
  }

  /** As whom this phone signs a boarding, and by what; undefined where there is no pass. */
  get rider(): { credential: Credential; signer: Signer; registered: Registered } | undefined {
    const { credential, signer, registered } = this;
    return credential && signer && registered && { credential, signer, registered };
  }

  async bring(party: number): Promise<void> {
    this.party = Math.max(0, Math.min(LIMITS.PARTY_MAX, party));
    await this.renew();
  }

  /** A phone that is full, or whose browser has shut what it keeps: nothing is shown that was not kept before. */
  private unkept(error: unknown): boolean {
    if (!(error instanceof DOMException)) return false;
    this.trouble = "full";
    return true;
  }

  private expected = (error: unknown): boolean =>
    error instanceof Unreached || error instanceof Refused || error instanceof ContractError;

  private async take(account: Account | undefined): Promise<void> {
    this.account = account;
    this.endedWords = account?.ended;
    if (account?.ended !== undefined) return this.leave("ended");
    if (account?.registered === undefined) return this.leave("first");
    this.credential = readCredential(account.registered.credential);
    this.signer = signerOf(account.pair, account.public);
    this.waitsUntilMs = undefined;
    this.wasClosed = false;
    this.phase = "code";
    await this.seen();
  }

  private leave(phase: Phase): void {
    this.phase = phase;
    this.showing?.hide();
  }

  /** The screen is looked at again, or no longer. Companions were for the ride before. */
  private async seen(): Promise<void> {
    if (document.visibilityState !== "visible" || this.elsewhere) {
      this.party = 0;
      this.showing?.hide();
    } else if (this.phase === "code") {
      void stayAwake();
      await this.renew();
      void this.sync();
    }
  }

  private async renew(): Promise<void> {
    if (this.credential === undefined || this.signer === undefined || this.phase !== "code") return;
    if (this.elsewhere) return; // nobody sees it
    await this.showing?.renew({ credential: this.credential, signer: this.signer, party: this.party });
  }

  private screen(now: Seen | undefined): void {
    const fresh = now !== undefined && now.render !== this.shown;
    this.shown = now?.render;
    if (now !== undefined) [this.form, this.leftS] = [now.form, now.leftS];
    if (!fresh) return;
    this.trouble = undefined;
    void this.judge();
  }

  /** What there is to warn of, by what is known now. */
  async judge(): Promise<void> {
    if (this.credential === undefined) return;
    const [{ ms, confirmed, wrong }, heard] = [await cityTime(this.store), await this.store.heard()];
    this.balanceRials = heard.balanceRials;
    this.toppingUp = (await this.store.topUps()).length > 0;
    this.claim = await this.store.claim();
    const { expiryDay, allowanceRials } = this.credential;
    const today = dayOf(ms / 1000);
    const { balanceRials } = heard;
    const facts = { today, expiryDay, allowanceRials, balanceRials, confirmed, clockWrong: wrong, kept: this.kept };
    this.warnings = warningsOf(facts);
  }

  /** The account behind what the backend told of it; as it was, where nobody answered. */
  private async heard(account: Account): Promise<Account> {
    try {
      return await hear(this.store, account);
    } catch (error) {
      if (!this.expected(error) && !this.unkept(error)) throw error;
      return account;
    }
  }

  /** Hear what the backend tells, if it is reached. A code that is shown stays, unless it is no longer right. */
  async sync(): Promise<void> {
    if (this.hearing || this.account?.registered === undefined || this.phase !== "code") return;
    this.hearing = true;
    const before = this.account;
    const offset = async (): Promise<number> => (await this.store.heard()).correction?.offsetMs ?? 0;
    const was = await offset();
    try {
      const now = await this.heard(before);
      if (this.account === before && now !== before) await this.take(now);
    } finally {
      this.hearing = false;
    }
    const moved = Math.abs((await offset()) - was) > CODE_OFF_MS;
    if (this.phase === "code") await (moved ? this.renew() : this.judge());
  }
}
