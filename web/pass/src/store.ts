// What a phone keeps, in IndexedDB: its key, its credential, its counter. A key is never exported, not even here.
// All that opens one name on one origin, in any tab, has one key and one counter.

import { openDB, type DBSchema, type IDBPDatabase, type IDBPObjectStore } from "idb";
import { same, type Bytes } from "./protocol/bytes";
import type { Correction } from "./clock";
import { nextRender, type Renders } from "./counter";

export type Words = { readonly fa: string; readonly en: string };

/** What registration gave. */
export type Registered = {
  readonly credentialId: string;
  readonly credential: Bytes;
  readonly token: string;
  readonly issuerKey: Bytes;
};

/** `ended`: the backend said that this key's credential has ended, or moved to another phone. */
export type Account = {
  readonly pair: CryptoKeyPair;
  readonly public: Bytes;
  readonly registered?: Registered;
  readonly ended?: Words;
};

/** What the backend told last. `seenMs`: the newest time that was signed by `correction`, or the time of its telling;
 * `renewedDay`: the local day on which a longer credential was last asked for. */
export type Heard = {
  readonly correction?: Correction;
  readonly seenMs?: number;
  readonly balanceRials?: number;
  readonly renewedDay?: number;
};

type Shape = DBSchema & { kept: { key: string; value: unknown } };

export type Kept = IDBPObjectStore<Shape, ["kept"], "kept", "readwrite">;

const opened = (name: string): Promise<IDBPDatabase<Shape>> =>
  openDB<Shape>(name, 1, {
    upgrade: (made) => {
      made.createObjectStore("kept");
    },
  });

export class Store {
  constructor(
    protected db: IDBPDatabase<Shape>,
    private readonly name: string,
  ) {}

  /** What is kept under that name, made if there is none. Throws DOMException where the browser keeps nothing. */
  static async open<Made>(this: new (db: IDBPDatabase<Shape>, name: string) => Made, name = "savar"): Promise<Made> {
    return new this(await opened(name), name);
  }

  /** `then` is called whenever the browser has thrown away what is kept, under our eyes: nothing is kept by then. */
  gone(then: () => void): void {
    this.db.addEventListener("close", () => void this.anew(then));
  }

  private async anew(then: () => void): Promise<void> {
    try {
      this.db = await opened(this.name);
      this.gone(then);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // it keeps nothing any more: what is asked of it says so
    }
    then();
  }

  /** One transaction: what `use` makes once all of it is kept. Where it is not, both ways of hearing that are heard. */
  protected async writing<Made>(use: (kept: Kept) => Promise<Made>, durability?: "relaxed"): Promise<Made> {
    const tx = this.db.transaction("kept", "readwrite", durability && { durability });
    const [made] = await Promise.all([use(tx.store), tx.done]);
    return made;
  }

  async account(): Promise<Account | undefined> {
    return (await this.db.get("kept", "account")) as Account | undefined;
  }

  async heard(): Promise<Heard> {
    return ((await this.db.get("kept", "heard")) ?? {}) as Heard;
  }

  /** Keep this account unless another tab has kept one under a key that still counts → the one that is kept. */
  async begin(fresh: Account): Promise<Account> {
    return this.writing(async (kept) => {
      const held = (await kept.get("account")) as Account | undefined;
      if (held !== undefined && held.ended === undefined) return held;
      // Of another account; the counter stays: it must never come twice.
      for (const of of await kept.getAllKeys()) if (of !== "renders") await kept.delete(of);
      await kept.put(fresh, "account");
      return fresh;
    });
  }

  /** What became of the account under this key; false if another key is kept by now. */
  async change(holder: Bytes, change: Partial<Account>): Promise<boolean> {
    return this.writing(async (kept) => {
      const held = (await kept.get("account")) as Account | undefined;
      const mine = held !== undefined && same(held.public, holder);
      if (mine) await kept.put({ ...held, ...change }, "account");
      return mine;
    });
  }

  async hear(told: Partial<Heard>): Promise<void> {
    return this.writing(async (kept) => {
      const before = ((await kept.get("heard")) ?? {}) as Heard;
      await kept.put({ ...before, ...told }, "heard");
    });
  }

  /** The phone's clock was set anew: what corrected the old one goes, and does not come back by itself. */
  async dropCorrection(): Promise<void> {
    return this.writing(async (kept) => {
      const { correction: _gone, seenMs: _too, ...rest } = ((await kept.get("heard")) ?? {}) as Heard;
      await kept.put(rest, "heard");
    });
  }

  /** The number of a render at this second, kept before anybody sees it. Throws CounterSpent. */
  async countRender(timeS: number): Promise<number> {
    // Not flushed to the flash: who loses it with the power is in a later second when the phone is up again.
    return this.writing(async (kept) => {
      const next = nextRender((await kept.get("renders")) as Renders | undefined, timeS);
      await kept.put(next, "renders");
      const heard = ((await kept.get("heard")) ?? {}) as Heard;
      if (heard.correction) await kept.put({ ...heard, seenMs: timeS * 1000 }, "heard");
      return next.counter;
    }, "relaxed");
  }
}
