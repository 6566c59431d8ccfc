// The top-up screen's state: begins one, and asks how each that is open ended until that is known.

import { balance, Refused, settleTopUp, startTopUp, Unreached } from "./api";
import { TOPUP_AGAIN_MS } from "./limits";
import type { Session } from "./session.svelte";
import { asking, endOf, payable, told, type TopUp } from "./topups";
import type { Topped } from "./words";

export class Topping {
  kept = $state.raw<TopUp[]>([]);
  /** Why the newest is not known: no answer, or a no. */
  silent = $state<"unreached" | "refused">();
  busy = $state(false);

  private asking = false;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly session: Session) {}

  /** Show what is kept, and ask; → what ends it. */
  begin(): () => void {
    const ask = (): void => void this.ask();
    const back = (event: PageTransitionEvent): void => {
      if (event.persisted) this.busy = false; // the browser's own way back from the provider's page
    };
    this.timer = setInterval(ask, TOPUP_AGAIN_MS);
    addEventListener("online", ask);
    addEventListener("pageshow", back);
    document.addEventListener("visibilitychange", ask);
    ask();
    return () => {
      clearInterval(this.timer);
      removeEventListener("online", ask);
      removeEventListener("pageshow", back);
      document.removeEventListener("visibilitychange", ask);
      void this.done().then(() => this.session.judge());
    };
  }

  /** The newest, as the screen says it; undefined where there is none. */
  get standing(): Topped | undefined {
    const [newest] = this.kept;
    if (newest === undefined) return undefined;
    if (newest.ended !== undefined) return newest.ended;
    if (this.silent === "refused") return "refused";
    if (newest.id === undefined) return this.busy ? undefined : "unasked";
    return this.silent ?? "open";
  }

  /** Begin one of this amount and go to the provider's page. */
  async pay(rials: number): Promise<void> {
    const registered = this.session.registered;
    if (this.busy || registered === undefined) return;
    this.busy = true;
    this.silent = undefined;
    const key = crypto.randomUUID();
    this.kept = await this.session.store.changeTopUps((kept) => asking(kept, rials, Date.now(), key));
    const asked = this.kept[0]!;
    try {
      const { id, pay_url } = await startTopUp(registered.credentialId, registered.token, rials, asked.key);
      await this.tell(asked.key, { id, ...(pay_url ? { payUrl: pay_url } : {}) });
      this.go();
    } catch (error) {
      await this.silence(error);
    }
    if (payable(this.kept[0]) === undefined) this.busy = false;
  }

  /** To the provider's page, in this tab: no other one is left behind. */
  go(): void {
    const address = payable(this.kept[0]);
    if (address !== undefined) location.assign(address);
  }

  /** The rider has seen how it ended, or wants another amount: what ended is forgotten, what is open stays. */
  async done(): Promise<void> {
    this.kept = await this.session.store.changeTopUps((kept) => kept.filter((it) => it.id && it.ended === undefined));
  }

  private async tell(key: string, change: Partial<TopUp>): Promise<void> {
    this.kept = await this.session.store.changeTopUps((kept) => told(kept, key, change));
  }

  private async silence(error: unknown): Promise<void> {
    if (!(error instanceof Unreached || error instanceof Refused)) throw error;
    this.silent = error instanceof Refused ? "refused" : "unreached";
    if (error instanceof Refused) await this.session.sync(); // a token that was lost comes again, or the account ended
  }

  private async ask(): Promise<void> {
    if (this.asking || this.busy || document.visibilityState !== "visible") return;
    this.asking = true;
    try {
      this.kept = await this.session.store.topUps();
      for (const it of this.kept) await this.askOf(it);
    } finally {
      this.asking = false;
    }
  }

  private async askOf(it: TopUp): Promise<void> {
    const registered = this.session.registered;
    if (it.id === undefined || it.ended !== undefined || registered === undefined) return;
    const { credentialId, token } = registered;
    try {
      const ended = endOf((await settleTopUp(it.id, token)).status);
      this.silent = undefined;
      if (ended === undefined) return;
      const balanceRials = await balance(credentialId, token);
      await this.session.store.hear({ balanceRials });
      await this.tell(it.key, { ended });
      await this.session.judge();
    } catch (error) {
      await this.silence(error);
    }
  }
}
