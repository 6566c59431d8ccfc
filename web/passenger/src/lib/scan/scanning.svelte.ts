// One scan of a bus, from the code that was read to the grant on the screen. Rules:
// - what is read is claimed by whoever made the code: nothing is shown of it but what the backend says, and nothing is
//   signed before the rider confirms;
// - a grant is shown once the issuer's signature over this very request was proven, and at once: whether the bus hears
//   of it over the network nobody knows here, so the screen never says that a lamp is green;
// - what was confirmed and not answered is asked for again by the same request: it is one grant, and one fare.

import { hintOf, verify } from "@savar/pass/keys/webcrypto";
import type { Bytes } from "@savar/pass/protocol/bytes";
import { readCode } from "@savar/pass/protocol/codes";
import { ContractError } from "@savar/pass/protocol/errors";
import { openGrant, signBoarding } from "@savar/pass/protocol/grants";
import type { Signer } from "@savar/pass/protocol/keys";
import type { Credential } from "@savar/pass/protocol/passes";
import { claimedVehicle, readVehicleUrl, writtenIn, type ClaimedVehicle } from "@savar/pass/protocol/vehicle_codes";
import { Refused, Unreached, type GrantTold, type SeenVehicle } from "../api";
import type { Granted, Registered, Words } from "../store";
import type { Failure } from "./words";

export type Stage = "looking" | "asking" | "seen" | "confirming" | "granted" | "failed";

/** Who confirms: the pass of this phone, and what registration gave. */
export type Rider = { readonly credential: Credential; readonly signer: Signer; readonly registered: Registered };

/** What a scan asks of others. */
export type Asked = {
  rider(): Rider | undefined;
  seen(written: string): Promise<SeenVehicle>;
  grant(rider: Registered, written: string, request: Bytes): Promise<GrantTold>;
  /** Registers anew, if need be: a lost token, another issuer's key, the end of the pass. */
  sync(): Promise<void>;
  /** Keep what was granted for who closes the app; nothing fails where it cannot be. */
  keep(granted: Granted): Promise<void>;
  /** What passes without anybody setting it, ms. */
  passedMs(): number;
};

type Read = { readonly written: string; readonly claimed: ClaimedVehicle };

export class Scanning {
  stage = $state<Stage>("looking");
  /** A code was read that is no bus's. */
  foreign = $state(false);
  bus = $state.raw<SeenVehicle>();
  party = $state(0);
  granted = $state.raw<Granted>();
  failure = $state<Failure>();
  /** Why the backend refused, in its own words. */
  said = $state.raw<Words>();

  private read: Read | undefined;
  private request: Bytes | undefined;
  private untilMs = 0;

  constructor(private readonly asked: Asked) {}

  /** What was granted before, and holds still. */
  show(granted: Granted): void {
    this.granted = granted;
    this.stage = "granted";
  }

  /** The bus takes it no more. */
  lapse(): void {
    if (this.stage === "granted") this.fail("lapsed");
  }

  /** Look through the camera, again. */
  look(): void {
    this.bus = this.granted = this.failure = this.said = this.read = this.request = undefined;
    this.party = 0;
    this.foreign = false;
    this.stage = "looking";
  }

  /** A QR's text → whether it is a vehicle code, which is then asked about. */
  found(text: string): boolean {
    if (this.stage !== "looking") return true;
    try {
      this.read = { written: writtenIn(text), claimed: claimedVehicle(readVehicleUrl(text)) };
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      this.foreign = true;
      return false;
    }
    void this.ask();
    return true;
  }

  /** Ask what the code that was read is. */
  async ask(): Promise<void> {
    const { read } = this;
    if (read === undefined) return;
    this.stage = "asking";
    this.failure = undefined;
    try {
      const bus = await this.asked.seen(read.written);
      if (bus.vehicle !== read.claimed.vehicle) return this.fail("unproven");
      this.untilMs = this.asked.passedMs() + bus.good_for_ms;
      this.bus = bus;
      this.stage = "seen";
    } catch (error) {
      await this.failed(error, "network");
    }
  }

  /** Whether what failed may be asked again as it is; else only another scan helps. */
  get retries(): boolean {
    return this.failure === "unanswered" || (this.failure === "network" && this.read !== undefined);
  }

  retry(): Promise<void> {
    return this.failure === "unanswered" ? this.confirm() : this.ask();
  }

  /** Who comes along. */
  bring(party: number): void {
    if (this.bus !== undefined) this.party = Math.max(0, Math.min(this.bus.party_max, party));
  }

  /** The rider boards this bus, for at most what was shown. */
  async confirm(): Promise<void> {
    const [{ read, bus }, rider] = [this, this.asked.rider()];
    if (read === undefined || bus === undefined || rider === undefined || this.stage === "confirming") return;
    // One that was sent may have been granted: it is asked for until the backend says no.
    if (this.request === undefined && this.asked.passedMs() >= this.untilMs) return this.fail("old");
    this.stage = "confirming";
    this.failure = undefined;
    try {
      this.request ??= await signBoarding(rider.signer, rider.credential, read.claimed, this.party);
      const told = await this.asked.grant(rider.registered, read.written, this.request);
      const raw = readCode(told.code);
      const { mostRials } = await this.open(raw, this.request);
      const { vehicle, line } = bus;
      const granted = { raw, vehicle, line, party: this.party, mostRials, goodUntilMs: told.good_until_ms };
      this.show(granted);
      await this.asked.keep(granted);
    } catch (error) {
      await this.failed(error, "unanswered");
    }
  }

  /** The grant, by the issuer's key that this phone was told; one more time where the city has another by now. */
  private async open(raw: Bytes, request: Bytes): ReturnType<typeof openGrant> {
    const issuer = async () => {
      const key = this.asked.rider()?.registered.issuerKey;
      return key === undefined ? [] : [{ public: key, hint: await hintOf(key) }];
    };
    try {
      return await openGrant(raw, request, await issuer(), verify);
    } catch (error) {
      if (!(error instanceof ContractError) || !["UnknownIssuer", "BadSignature"].includes(error.name)) throw error;
      await this.asked.sync();
      return openGrant(raw, request, await issuer(), verify);
    }
  }

  private fail(why: Failure, said?: Words): void {
    [this.failure, this.said, this.stage] = [why, said, "failed"];
  }

  private async failed(error: unknown, silent: Failure): Promise<void> {
    if (error instanceof Unreached) return this.fail(silent);
    if (error instanceof ContractError) return this.fail("unproven");
    if (!(error instanceof Refused)) throw error;
    this.fail("refused", error.words);
    await this.asked.sync();
  }
}
