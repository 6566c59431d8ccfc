// What the screen shows, and when it changes. A code is on the screen while it is fresh and somebody looks, and at no
// other time: what was hidden is signed anew when it is seen again.

import { LIMITS } from "$generated/tables";
import { CounterSpent, dayOf } from "@savar/pass/counter";
import { signerOf } from "@savar/pass/keys/webcrypto";
import { AGAIN_MS, CODE_OFF_MS } from "@savar/pass/limits";
import type { Bytes } from "@savar/pass/protocol/bytes";
import { ContractError } from "@savar/pass/protocol/errors";
import type { Signer } from "@savar/pass/protocol/keys";
import { formAt, readCredential, type Credential, type Form } from "@savar/pass/protocol/passes";
import { beginAccount, cityTime, render, type Render } from "@savar/pass/rendering";
import { warningsOf, type Warning } from "@savar/pass/warnings";
import { hear, registerAccount } from "./account";
import { Refused, Unreached } from "./api";
import { keepStored, stayAwake } from "./device";
import { SYNC_EVERY_MS } from "./limits";
import { type Store, type Account, type Registered, type Words } from "./store";

export type Phase = "opening" | "first" | "code" | "ended";
export type Trouble = "network" | "refused" | "store" | "full" | "clock";
const PERIOD_MS = LIMITS.RENDER_PERIOD_S * 1000;
const FORM_MS = LIMITS.FORM_PERIOD_S * 1000;

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

  store!: Store;
  private account: Account | undefined;
  private credential: Credential | undefined;
  private signer: Signer | undefined;
  private kept = true;
  private shownAt = 0; // by performance.now: nobody sets that
  private wanted = 0;
  private ticking: ReturnType<typeof setTimeout> | undefined;
  private hearing = false;
  private elsewhere = false;

  /** Show a code out of what is kept, before anything is asked of anybody. */
  async open(kept: Promise<Store>): Promise<void> {
    try {
      this.store = await kept;
      this.account = await this.store.account();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.trouble = "store";
      this.phase = "first";
      return;
    }
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
    const digits = Array.from(this.account.public, (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.deskKey = digits.replace(/(.{6})(?=.)/g, "$1 ");
    return true;
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
    this.phase = "code";
    await this.seen();
  }

  private leave(phase: Phase): void {
    this.phase = phase;
    this.hide();
  }

  private hide(): void {
    this.shown = undefined;
    clearTimeout(this.ticking);
    this.wanted += 1; // one that is being signed comes too late
  }

  /** The screen is looked at again, or no longer. Companions were for the ride before. */
  private async seen(): Promise<void> {
    if (document.visibilityState !== "visible" || this.elsewhere) {
      this.party = 0;
      this.hide();
    } else if (this.phase === "code") {
      void stayAwake();
      await this.renew();
      void this.sync();
    }
  }

  private async renew(): Promise<void> {
    if (this.credential === undefined || this.signer === undefined || this.phase !== "code") return;
    if (this.elsewhere) return; // nobody sees it
    this.wanted += 1;
    const mine = this.wanted;
    try {
      const { ms } = await cityTime(this.store);
      const made = await render(this.store, this.credential, this.signer, ms, this.party);
      if (mine !== this.wanted) return;
      this.shown = made;
    } catch (error) {
      if (this.unkept(error)) {
        if (mine !== this.wanted) return;
        this.hide();
        this.ticking = setTimeout(() => void this.renew(), AGAIN_MS);
        return;
      }
      if (!(error instanceof CounterSpent)) throw error;
      this.trouble = "clock";
      this.leave("first");
      return;
    }
    this.trouble = undefined;
    this.shownAt = performance.now();
    await this.judge();
    this.tick();
  }

  private tick(): void {
    clearTimeout(this.ticking);
    if (this.shown === undefined) return;
    const passed = performance.now() - this.shownAt;
    if (passed >= PERIOD_MS) {
      void this.renew();
      return;
    }
    this.form = formAt(Math.floor(passed / FORM_MS) + 1);
    this.leftS = Math.ceil((PERIOD_MS - passed) / 1000);
    this.ticking = setTimeout(() => this.tick(), FORM_MS - (passed % FORM_MS));
  }

  /** What there is to warn of, by what is known now. */
  async judge(): Promise<void> {
    if (this.credential === undefined) return;
    const [{ ms, confirmed, wrong }, heard] = [await cityTime(this.store), await this.store.heard()];
    this.balanceRials = heard.balanceRials;
    this.toppingUp = (await this.store.topUps()).length > 0;
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
