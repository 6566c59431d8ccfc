// What the app keeps beside what its code is made of: top-ups that are open, and trips. They go with the account.

import { same, type Bytes } from "@savar/pass/protocol/bytes";
import { Store as PassStore, type Account } from "@savar/pass/store";
import type { TopUp } from "./topups";
import type { Trips } from "./trips.svelte";

export type { Account, Heard, Registered, Words } from "@savar/pass/store";

export class Store extends PassStore {
  async topUps(): Promise<TopUp[]> {
    return ((await this.db.get("kept", "topups")) ?? []) as TopUp[];
  }

  /** Change what is kept of top-ups, at once for all tabs → what is kept then. */
  async changeTopUps(change: (kept: readonly TopUp[]) => TopUp[]): Promise<TopUp[]> {
    return this.writing(async (kept) => {
      const now = change(((await kept.get("topups")) ?? []) as TopUp[]);
      await kept.put(now, "topups");
      return now;
    });
  }

  async trips(): Promise<Trips | undefined> {
    return (await this.db.get("kept", "trips")) as Trips | undefined;
  }

  /** Keep what the backend told of this account's trips; of another that began meanwhile nothing is. */
  async keepTrips(holder: Bytes, trips: Trips): Promise<void> {
    return this.writing(async (kept) => {
      const held = (await kept.get("account")) as Account | undefined;
      if (held !== undefined && same(held.public, holder)) await kept.put(trips, "trips");
    });
  }
}
