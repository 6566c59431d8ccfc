// A rider has scanned the bus: what the phone signs, and the grant that comes of it, which it shows as a code.
// Offsets are those of docs/PROTOCOL.md. Rules:
// - what is signed is one code of one vehicle: its time and nonce, and no time of the phone's;
// - a grant is shown only if the issuer signed it over the very request that this phone made: any other boards somebody
//   else, or nobody.

import { LIMITS } from "$generated/tables";
import { integer, joined, same, unsigned, type Bytes } from "./bytes";
import { ContractError } from "./errors";
import { require, type Signer, type Verify } from "./keys";
import type { Credential, IssuerKey } from "./passes";
import { nameText, type ClaimedVehicle } from "./vehicle_codes";

const KIND_GRANT = 6;
const GRANT_HEAD = 8;
const REQUEST_HEAD = 23;

/** Of whom a request is: the credential's id, 8 bytes, and its version. */
export type Rider = Pick<Credential, "credentialId" | "version">;

/** What of a vehicle code a request is bound to. */
export type Scanned = Pick<ClaimedVehicle, "timeS" | "nonce" | "vehicle">;

/** A grant that holds. `mostRials`: what its rider agreed to pay at most. */
export type Grant = {
  readonly riderClass: number;
  readonly product: number;
  readonly mostRials: number;
  readonly request: Bytes;
};

/** The bytes of a request without the phone's signature. Throws OutOfRange. */
export function unsignedRequest(rider: Rider, vehicle: Scanned, party: number): Bytes {
  for (const [field, value, most] of [
    ["version", rider.version, 0xff],
    ["time_s", vehicle.timeS, 0xffff_ffff],
    ["party", party, LIMITS.PARTY_MAX],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > most)
      throw new ContractError("OutOfRange", `${field} is out of range`, { field, value, most });
  }
  for (const [field, bytes, size] of [
    ["credential_id", rider.credentialId, LIMITS.CREDENTIAL_ID_BYTES],
    ["nonce", vehicle.nonce, LIMITS.NONCE_BYTES],
  ] as const) {
    if (bytes.length !== size)
      throw new ContractError("OutOfRange", `${field} is not ${size} bytes`, { field, bytes: bytes.length });
  }
  const name = new TextEncoder().encode(nameText("vehicle", vehicle.vehicle));
  return joined(
    rider.credentialId,
    unsigned(rider.version, 1),
    unsigned(vehicle.timeS, 4),
    vehicle.nonce,
    unsigned(party, 1),
    unsigned(name.length, 1),
    name,
  );
}

/** What the phone does when its rider confirms: 88 to 119 bytes. Throws OutOfRange. */
export async function signBoarding(
  holder: Signer,
  rider: Rider,
  vehicle: Scanned,
  party: number,
): Promise<Bytes> {
  const body = unsignedRequest(rider, vehicle, party);
  return joined(body, await holder.sign("BOARDING", body));
}

/** A grant's length by the vehicle's name in it, with the issuer's signature; NaN where it has none. */
function lengthOf(raw: Uint8Array): number {
  const named = raw[GRANT_HEAD + REQUEST_HEAD - 1];
  return named === undefined ? Number.NaN : GRANT_HEAD + REQUEST_HEAD + named + 2 * LIMITS.SIGNATURE_BYTES;
}

/**
 * A grant's issuer's signature over the received bytes, and that it is for this request: then it may be shown.
 *
 * Throws UnknownVersion, MissingSignature, WrongLength, UnknownIssuer, BadSignature, HighSSignature or OutOfRange;
 * WrongType for a grant of another request.
 */
export async function openGrant(
  raw: Uint8Array,
  request: Uint8Array,
  issuers: readonly IssuerKey[],
  verify: Verify,
): Promise<Grant> {
  if (raw[0] !== KIND_GRANT) throw new ContractError("UnknownVersion", "not a grant", { kind: raw[0] ?? -1 });
  const whole = lengthOf(raw);
  const end = whole - LIMITS.SIGNATURE_BYTES;
  if (raw.length === end)
    throw new ContractError("MissingSignature", "grant without the issuer's signature", { bytes: raw.length });
  if (raw.length !== whole)
    throw new ContractError("WrongLength", "grant is not as long as its vehicle's name says", { bytes: raw.length });
  await byIssuer(raw.subarray(0, end), raw.subarray(end), issuers, verify);
  const mostRials = integer(raw.subarray(3, GRANT_HEAD));
  if (mostRials > LIMITS.RIALS_MAX)
    throw new ContractError("OutOfRange", "most is out of range", { field: "most_rials", value: mostRials });
  if (!same(raw.subarray(GRANT_HEAD, end), request))
    throw new ContractError("WrongType", "a grant of another request", { bytes: raw.length });
  return { riderClass: raw[2]! >> 4, product: raw[2]! & 15, mostRials, request: joined(request) };
}

async function byIssuer(
  signed: Uint8Array,
  signature: Uint8Array,
  issuers: readonly IssuerKey[],
  verify: Verify,
): Promise<void> {
  const tried = issuers.filter((key) => key.hint === signed[1]);
  if (tried.length === 0)
    throw new ContractError("UnknownIssuer", "no issuer key with this hint", { hint: signed[1] ?? -1 });
  let refused: unknown;
  for (const key of tried) {
    try {
      await require(verify, key.public, "GRANT", signed, signature);
      return;
    } catch (error) {
      refused = error;
    }
  }
  throw refused;
}
