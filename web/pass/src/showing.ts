// A code on the screen, which is fresh while somebody looks; at no other time there is one. Rules:
// - a render lasts RENDER_PERIOD_S and shows both forms by turns, each for FORM_PERIOD_S;
// - what was hidden is signed anew when it is seen again, and one that is being signed meanwhile comes too late;
// - what could not be kept is not shown, nor what was there before: it is tried again every AGAIN_MS.

import { LIMITS } from "$generated/tables";
import { CounterSpent } from "./counter";
import { AGAIN_MS } from "./limits";
import type { Signer } from "./protocol/keys";
import { formAt, type Credential, type Form } from "./protocol/passes";
import { render, type Render } from "./rendering";
import type { Store } from "./store";

const PERIOD_MS = LIMITS.RENDER_PERIOD_S * 1000;
const FORM_MS = LIMITS.FORM_PERIOD_S * 1000;

/** What is on the screen now, and for how many seconds more it is. */
export type Seen = { readonly render: Render; readonly form: Form; readonly leftS: number };

/** For whom a code is made: the rider, and how many come along. */
export type Bearer = { readonly credential: Credential; readonly signer: Signer; readonly party: number };

/** `full`: the phone kept no number for it, and is asked again. `clock`: no number is left, and it ends. */
export type NotShown = "full" | "clock";

export class Showing {
  private bearer: Bearer | undefined;
  private made: Render | undefined;
  private madeAt = 0; // by performance.now: nobody sets that
  private wanted = 0;
  private ticking: ReturnType<typeof setTimeout> | undefined;

  /** `timeMs`: the city's, Unix ms. `seen` hears each change of the screen, undefined when it is empty. */
  constructor(
    private readonly store: Pick<Store, "countRender">,
    private readonly timeMs: () => Promise<number>,
    private readonly seen: (now: Seen | undefined) => void,
    private readonly failed: (why: NotShown) => void,
  ) {}

  /** Sign a code for this bearer, show it, and the next ones behind it until it is hidden. Throws ContractError. */
  async renew(bearer: Bearer): Promise<void> {
    this.bearer = bearer;
    this.wanted += 1;
    const mine = this.wanted;
    try {
      const made = await render(this.store, bearer.credential, bearer.signer, await this.timeMs(), bearer.party);
      if (mine !== this.wanted) return;
      [this.made, this.madeAt] = [made, performance.now()];
      this.tick();
    } catch (error) {
      if (!(error instanceof DOMException) && !(error instanceof CounterSpent)) throw error;
      if (mine !== this.wanted) return;
      this.hide();
      if (error instanceof DOMException) this.ticking = setTimeout(() => void this.renew(bearer), AGAIN_MS);
      this.failed(error instanceof DOMException ? "full" : "clock");
    }
  }

  hide(): void {
    this.made = undefined;
    clearTimeout(this.ticking);
    this.wanted += 1; // one that is being signed comes too late
    this.seen(undefined);
  }

  private tick(): void {
    clearTimeout(this.ticking);
    if (this.made === undefined || this.bearer === undefined) return;
    const passed = performance.now() - this.madeAt;
    if (passed >= PERIOD_MS) {
      void this.renew(this.bearer);
      return;
    }
    const form = formAt(Math.floor(passed / FORM_MS) + 1);
    this.ticking = setTimeout(() => this.tick(), FORM_MS - (passed % FORM_MS));
    this.seen({ render: this.made, form, leftS: Math.ceil((PERIOD_MS - passed) / 1000) });
  }
}
