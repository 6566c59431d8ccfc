// The phone's clock against the time that the backend signed. Codes carry the corrected time.
//
// A correction holds while the phone's clock is the one that it was made for. Offline nobody tells when that was set
// anew, so it is dropped where it shows: the clock went back behind what was signed, or the phone's zone changed, as it
// does when somebody sets "summer time" right. Then the phone's own time stands until it is told the time again.

import { LIMITS } from "$generated/tables";
import { fromHex, joined, unsigned, type Bytes } from "./protocol/bytes";
import { ContractError } from "./protocol/errors";
import { require, type Verify } from "./protocol/keys";
import { CLOCK_WRONG_MS, ROUND_TRIP_MAX_MS, SET_BACK_MS } from "./limits";

/** Add `offsetMs` to the phone's time; `zoneMin` as Date tells the phone's zone. */
export type Correction = { readonly offsetMs: number; readonly zoneMin: number };

/** What the phone reads of itself. */
export type Reading = { readonly nowMs: number; readonly zoneMin: number };

export type Told = { readonly time_ms: number; readonly signature: string };

/** Return if the issuer signed this time over this nonce. Throws what `require` throws, WrongType or OutOfRange. */
export async function provenTime(told: Told, nonce: Bytes, issuer: Bytes, verify: Verify): Promise<void> {
  if (!Number.isSafeInteger(told.time_ms) || told.time_ms < 0) throw new ContractError("OutOfRange", "no time");
  const payload = joined(nonce, unsigned(told.time_ms, 8));
  await require(verify, issuer, "TIME", payload, fromHex(told.signature));
}

/** A proven time that was asked at `asked` and came at `came`; undefined where it was too long on its way. */
export function learn(told: Told, asked: Reading, came: Reading): Correction | undefined {
  const trip = came.nowMs - asked.nowMs;
  if (trip < 0 || trip > ROUND_TRIP_MAX_MS || asked.zoneMin !== came.zoneMin) return undefined;
  return { offsetMs: Math.round(told.time_ms + trip / 2 - came.nowMs), zoneMin: came.zoneMin };
}

/** Whether a correction is of this clock still. `seenMs`: the newest that was signed by it, or told. */
export function holds(correction: Correction, now: Reading, seenMs: number): boolean {
  return now.zoneMin === correction.zoneMin && now.nowMs + correction.offsetMs >= seenMs - SET_BACK_MS;
}

/** The city's time as well as this phone knows it, Unix ms. */
export const corrected = (now: Reading, correction: Correction | undefined): number =>
  now.nowMs + (correction?.offsetMs ?? 0);

export const isWrong = (correction: Correction | undefined): boolean =>
  Math.abs(correction?.offsetMs ?? 0) > Math.max(CLOCK_WRONG_MS, LIMITS.FRESH_WINDOW_S * 1000);
