// A rider's pass on a host's page: the code while the page is seen and its element is in it, and at no other time.

import { LIMITS } from "$generated/tables";
import { dayOf } from "./counter";
import { keepStored, stayAwake } from "./device";
import type { Language, Notice, Options, Pass, PassState } from "./face";
import { ENDED, NONE, NOT_KEPT, SAID } from "./hosted_words";
import { Keeping } from "./keeping";
import { CODE_OFF_MS, SYNC_EVERY_MS } from "./limits";
import { Panel } from "./panel";
import { same } from "./protocol/bytes";
import { PassError, type RiderWords } from "./refusals";
import { cityTime, deskDigits } from "./rendering";
import { Showing, type Seen } from "./showing";
import { Store } from "./store";
import { warningsOf, type Warning } from "./warnings";
import { CODE_WORDS } from "./words";

type Failed = { readonly name: string; readonly words?: RiderWords | undefined };

/** Open what this phone keeps, or nothing yet. Throws PassError: NothingKept. */
export async function createPass(options: Options): Promise<Pass> {
  const now = options.now ?? Date.now;
  const read = () => ({ nowMs: now(), zoneMin: new Date().getTimezoneOffset() });
  try {
    const store = await Store.open(options.storage);
    const made = new HostedPass(store, options, new Keeping(store, options.host, read, await store.account()), read);
    made.open();
    return made;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    const fix = "leave the private mode, or let the web view keep data (IndexedDB)";
    throw new PassError("NothingKept", "this browser keeps nothing", fix, SAID.NothingKept);
  }
}

class HostedPass implements Pass {
  state!: PassState;
  private lang: Language;
  private seen: Seen | undefined;
  private party = 0;
  private found: readonly Warning[] = [];
  private failed: Failed | undefined;
  private balanceRials: number | undefined;
  private offsetMs = 0; // of the phone's clock
  private kept = true;
  private panel: Panel | undefined;
  private registering: Promise<void> | undefined;
  private hearing: Promise<void> | undefined;
  private closed = false;
  private every: ReturnType<typeof setInterval> | undefined;
  private readonly showing: Showing;

  constructor(
    private readonly store: Store,
    private readonly options: Options,
    private readonly keeping: Keeping,
    private readonly read: () => { nowMs: number; zoneMin: number },
  ) {
    this.lang = options.lang ?? "fa";
    this.showing = new Showing(
      store,
      async () => (await cityTime(store, read)).ms,
      (now) => this.screen(now),
      (why) => {
        const name = why === "full" ? "StorageFull" : "ClockSpent";
        this.failed = { name, words: SAID[name] };
        this.tell();
      },
    );
    this.tell();
  }

  /** Listen to the page, and ask the host. */
  open(): void {
    document.addEventListener("visibilitychange", this.looked);
    addEventListener("online", this.online);
    this.every = setInterval(this.online, SYNC_EVERY_MS);
    this.store.gone(() => !this.closed && this.lost());
    void keepStored().then((kept) => {
      this.kept = kept;
      return this.judge();
    });
    void this.sync();
  }

  register(): Promise<void> {
    this.requireOpen();
    this.registering ??= this.registered().finally(() => (this.registering = undefined));
    return this.registering;
  }

  private async registered(): Promise<void> {
    this.failed = undefined;
    try {
      await this.keeping.register();
    } catch (error) {
      this.fail(error);
      throw error;
    }
    await this.hearing; // one that began before the key was registered heard nothing of it
    await this.sync(); // the time before a code: a phone that is set wrong would begin with one that no bus takes
    this.looked();
  }

  async deskKey(): Promise<string> {
    this.requireOpen();
    return deskDigits((await this.keeping.key()).public);
  }

  show(on: HTMLElement): void {
    this.requireOpen();
    if (this.panel?.on !== on) {
      this.panel?.remove();
      this.panel = new Panel(on);
    }
    this.tell();
    this.looked();
  }

  hide(): void {
    this.panel?.remove();
    this.panel = undefined;
    this.unseen();
  }

  bring(party: number): void {
    this.requireOpen();
    if (!Number.isInteger(party) || party < 0 || party > LIMITS.PARTY_MAX)
      throw new PassError("BadParty", `${party} come along`, `it is 0 to ${LIMITS.PARTY_MAX}`);
    this.party = party;
    this.renew();
    this.tell();
  }

  speak(lang: Language): void {
    this.lang = lang;
    this.tell();
  }

  sync(): Promise<void> {
    if (this.closed) return Promise.resolve();
    this.hearing ??= this.heard().finally(() => (this.hearing = undefined));
    return this.hearing;
  }

  private async heard(): Promise<void> {
    const [before, was] = [this.keeping.credential, this.offsetMs];
    try {
      await this.keeping.hear();
      if (this.failed?.name !== "StorageFull") this.failed = undefined;
    } catch (error) {
      if (!(error instanceof PassError)) throw error;
      if (error.name !== "HostUnreached") this.fail(error); // offline is the normal case
    }
    const { credential } = this.keeping;
    if (credential === undefined) this.showing.hide(); // before anything else comes of it
    await this.judge();
    if (credential === undefined) return;
    const another = before === undefined || !same(before.raw, credential.raw);
    if (another || Math.abs(this.offsetMs - was) > CODE_OFF_MS) this.renew();
  }

  close(): void {
    this.closed = true;
    this.hide();
    clearInterval(this.every);
    document.removeEventListener("visibilitychange", this.looked);
    removeEventListener("online", this.online);
  }

  private requireOpen(): void {
    if (this.closed) throw new PassError("Closed", "this pass was closed", "make another with createPass");
  }

  private readonly online = (): void => void this.sync();

  private readonly looked = (): void => {
    if (!this.isSeen()) return this.unseen();
    void stayAwake();
    this.renew();
    void this.sync();
  };

  private isSeen = (): boolean => document.visibilityState === "visible" && this.panel?.on.isConnected === true;

  /** Companions were for the ride before. */
  private unseen(): void {
    this.party = 0;
    this.showing.hide();
  }

  /** The browser has thrown away what it kept, under our eyes: the host says whose pass it was. */
  private lost(): void {
    this.keeping.lose();
    this.showing.hide();
    this.fail(new PassError("KeyGone", "the browser threw the key away", "send its rider to a desk", SAID.KeyGone));
    void this.sync();
  }

  private renew(): void {
    const bearer = this.keeping.bearer(this.party);
    if (bearer !== undefined && this.isSeen()) void this.showing.renew(bearer);
  }

  private screen(now: Seen | undefined): void {
    if (now !== undefined && !this.isSeen()) return this.unseen();
    const fresh = now !== undefined && now.render !== this.seen?.render;
    this.seen = now;
    if (fresh && this.failed?.name === "StorageFull") this.failed = undefined;
    if (fresh) void this.judge();
    this.tell();
  }

  private fail(error: unknown): void {
    if (error instanceof PassError) this.failed = error;
    this.tell();
  }

  /** What there is to warn of, by what is known now; what can no longer be read says nothing new. */
  private async judge(): Promise<void> {
    try {
      const { ms, confirmed, wrong } = await cityTime(this.store, this.read);
      const { balanceRials, correction } = await this.store.heard();
      [this.balanceRials, this.offsetMs] = [balanceRials, correction?.offsetMs ?? 0];
      const facts = { today: dayOf(ms / 1000), balanceRials, confirmed, clockWrong: wrong, kept: this.kept };
      const { credential } = this.keeping;
      this.found = credential ? warningsOf({ ...credential, ...facts }) : [];
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
    this.tell();
  }

  private notice(name: Warning): Notice {
    return { name, ...(name === "not-kept" ? NOT_KEPT[this.lang] : CODE_WORDS[this.lang].warnings[name]) };
  }

  private tell(): void {
    const { phase, endedWords } = this.keeping;
    const { lang, seen, failed } = this;
    const ended = endedWords && { name: "ended", what: ENDED[lang], next: endedWords[lang] };
    const trouble = ended ?? (failed && { name: failed.name, ...(failed.words ?? SAID.HostRefused)[lang] });
    const warnings = this.found.map((name) => this.notice(name));
    const shown = seen && { timeS: seen.render.timeS, counter: seen.render.counter, leftS: seen.leftS };
    this.state = { phase, shown, party: this.party, warnings, trouble, balanceRials: this.balanceRials };
    const empty = phase === "none" ? NONE[lang] : CODE_WORDS[lang].renewing;
    this.panel?.show({ seen, told: seen ? warnings[0] : trouble, empty, lang });
    const { changed } = this.options;
    if (changed) queueMicrotask(() => changed(this.state)); // what it throws is the page's own
  }
}
