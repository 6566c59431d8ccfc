// The trips that the backend has told, newest first, kept for reading without a network. Every word of a fare's reason
// is the backend's.

import { receipts, Refused, Unreached, type Receipt } from "./api";
import { ownDisputes, type Dispute } from "./disputes";
import { TRIPS_KEPT } from "./limits";
import type { Session } from "./session.svelte";

/** `next`: where the older ones go on; null at the end. `askedMs`: when the newest were told, by the phone's clock.
 * `disputes`: what its rider disputed of them; none are told where there is none. */
export type Trips = {
  readonly told: readonly Receipt[];
  readonly next: string | null;
  readonly askedMs: number;
  readonly disputes?: readonly Dispute[];
};

export class Riding {
  trips = $state.raw<Trips>();
  /** Nobody answered: what is shown was told before. */
  trouble = $state<"network" | "refused">();
  busy = $state(false);

  constructor(private readonly session: Session) {}

  /** Show what is kept, then what the backend tells now: what was given back since is in it. */
  async begin(): Promise<void> {
    this.trips = await this.session.store.trips();
    await this.ask(null);
  }

  /** What its rider disputed of this trip, if anything. */
  disputeOf = (trip: Receipt): Dispute | undefined => this.trips?.disputes?.find((it) => it.id === trip.dispute?.id);

  more = (): Promise<void> => this.ask(this.trips?.next ?? null);

  private async ask(before: string | null): Promise<void> {
    const { registered, holder } = this.session;
    if (registered === undefined || holder === undefined || this.busy) return;
    this.busy = true;
    this.trouble = undefined;
    try {
      const page = await receipts(registered.credentialId, registered.token, before);
      const older = before !== null && this.trips !== undefined;
      const told = older ? [...this.trips!.told, ...page.receipts] : page.receipts;
      const disputes = told.some((it) => it.dispute) ? await ownDisputes(registered) : [];
      this.trips = { told, next: page.next, askedMs: older ? this.trips!.askedMs : Date.now(), disputes };
      if (told.length <= TRIPS_KEPT) await this.session.store.keepTrips(holder, this.trips);
    } catch (error) {
      if (!(error instanceof Unreached || error instanceof Refused)) throw error;
      this.trouble = error instanceof Unreached ? "network" : "refused";
      if (error instanceof Refused) await this.session.sync();
    } finally {
      this.busy = false;
    }
  }
}
