// What the app keeps beside what its code is made of: top-ups that are open, and trips. They go with the account.

import { same, type Bytes } from "@savar/pass/protocol/bytes";
import { Store as PassStore, type Account } from "@savar/pass/store";
import type { TopUp } from "./topups";
import type { Trips } from "./trips.svelte";

export type { Account, Heard, Registered, Words } from "@savar/pass/store";

/** What somebody with the rider's number wants: this account on another phone, or the number for another account. */
export type Claim = "account" | "number";

/** A boarding that was granted: its code, of which bus, what is set aside, until when its bus takes it (Unix ms). */
export type Granted = {
  readonly raw: Bytes;
  readonly vehicle: string;
  readonly line: string | null;
  readonly party: number;
  readonly mostRials: number;
  readonly goodUntilMs: number;
};

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

  async granted(): Promise<Granted | undefined> {
    return (await this.db.get("kept", "granted")) as Granted | undefined;
  }

  /** Keep what was granted to this account, for who closes the app before the door. */
  async keepGranted(holder: Bytes, granted: Granted): Promise<void> {
    return this.writing(async (kept) => {
      const held = (await kept.get("account")) as Account | undefined;
      if (held !== undefined && same(held.public, holder)) await kept.put(granted, "granted");
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

  async claim(): Promise<Claim | undefined> {
    return (await this.db.get("kept", "claim")) as Claim | undefined;
  }

  /** Keep what the backend told of it, so that it is warned of without a network, too. */
  async keepClaim(holder: Bytes, claim: Claim | undefined): Promise<void> {
    return this.writing(async (kept) => {
      const held = (await kept.get("account")) as Account | undefined;
      if (held !== undefined && same(held.public, holder)) await kept.put(claim, "claim");
    });
  }

  /** Whether the account was closed here: its token goes on reading what is left of it. */
  async closed(): Promise<boolean> {
    return (await this.db.get("kept", "closed")) === true;
  }

  async keepClosed(holder: Bytes): Promise<void> {
    return this.writing(async (kept) => {
      const held = (await kept.get("account")) as Account | undefined;
      if (held !== undefined && same(held.public, holder)) await kept.put(true, "closed");
    });
  }

  /** When this phone may ask again for the account that it waits for, by its number; Unix ms. */
  async waits(): Promise<number | undefined> {
    return (await this.db.get("kept", "waits")) as number | undefined;
  }

  async keepWaits(untilMs: number): Promise<void> {
    return this.writing(async (kept) => void (await kept.put(untilMs, "waits")));
  }

  /** Forget a key that has no account, and what it waited for; one that has got one meanwhile stays. */
  async forgetWaiting(holder: Bytes): Promise<void> {
    return this.writing(async (kept) => {
      const held = (await kept.get("account")) as Account | undefined;
      if (held === undefined || held.registered !== undefined || !same(held.public, holder)) return;
      await kept.delete("account");
      await kept.delete("waits");
    });
  }
}
