// A credential as its issuer signed it, and what the phone makes of it every 15 s: the long pass and the short one.
// Offsets are those of docs/PROTOCOL.md. Time and counter are handed in, and so is who signs.

import { LIMITS } from "$generated/tables";
import { integer, joined, unsigned, type Bytes } from "./bytes";
import { ContractError } from "./errors";
import { require, type Signer, type Verify } from "./keys";

export const KIND = { long: 1, short: 2 } as const;
export const BODY_BYTES = 48;
export const CREDENTIAL_BYTES = BODY_BYTES + LIMITS.SIGNATURE_BYTES;
const COUNTER_MAX = 65_535; // two bytes

/** What the issuer vouches for. `raw` is the signed 112 bytes exactly as issued. */
export type Credential = {
  readonly credentialId: Bytes;
  readonly version: number;
  readonly holder: Bytes;
  readonly riderClass: number;
  readonly product: number;
  readonly expiryDay: number;
  readonly allowanceRials: number;
  readonly raw: Bytes;
};

/** What one render says: when by the city's time, the how many-eth since local midnight, and who comes along. */
export type Moment = { readonly timeS: number; readonly counter: number; readonly party: number };

export type Form = "long" | "short";

/** An issuer's key: 33 bytes and the first byte of its id, by which a credential points at it. */
export type IssuerKey = { readonly public: Bytes; readonly hint: number };

/** Fields of a credential whose signature was verified before. Throws WrongLength. */
export function readCredential(raw: Uint8Array): Credential {
  if (raw.length !== CREDENTIAL_BYTES)
    throw new ContractError("WrongLength", "credential is not 112 bytes", { bytes: raw.length });
  return {
    credentialId: joined(raw.subarray(2, 10)),
    version: raw[10]!,
    holder: joined(raw.subarray(11, 44)),
    riderClass: raw[44]! >> 4,
    product: raw[44]! & 15,
    expiryDay: integer(raw.subarray(45, 47)),
    allowanceRials: raw[47]! * LIMITS.ALLOWANCE_UNIT_RIALS,
    raw: joined(raw),
  };
}

/**
 * Check the issuer's signature over received bytes, then read them.
 *
 * Throws WrongLength, UnknownVersion, UnknownIssuer, BadSignature or HighSSignature.
 */
export async function verifyCredential(
  raw: Uint8Array,
  issuers: readonly IssuerKey[],
  verify: Verify,
): Promise<Credential> {
  if (raw.length !== CREDENTIAL_BYTES)
    throw new ContractError("WrongLength", "credential is not 112 bytes", { bytes: raw.length });
  if (raw[0] !== KIND.long)
    throw new ContractError("UnknownVersion", "not a credential of a kind we know", { kind: raw[0] ?? -1 });
  const tried = issuers.filter((key) => key.hint === raw[1]);
  if (tried.length === 0) throw new ContractError("UnknownIssuer", "no issuer key with this hint", { hint: raw[1]! });
  let refused: unknown;
  for (const key of tried) {
    try {
      await require(verify, key.public, "CREDENTIAL", raw.subarray(0, BODY_BYTES), raw.subarray(BODY_BYTES));
      return readCredential(raw);
    } catch (error) {
      refused = error;
    }
  }
  throw refused;
}

function moment({ timeS, counter, party }: Moment): Bytes {
  for (const [field, value, most] of [
    ["time_s", timeS, 0xffff_ffff],
    ["counter", counter, COUNTER_MAX],
    ["party", party, LIMITS.PARTY_MAX],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > most)
      throw new ContractError("OutOfRange", `${field} is out of range`, { field, value, most });
  }
  return joined(unsigned(timeS, 4), unsigned(counter, 2), unsigned(party, 1));
}

/** The bytes of one form of a render without its signature. Throws OutOfRange. */
export function unsignedPass(form: Form, credential: Credential, at: Moment): Bytes {
  if (form === "long") return joined(credential.raw, moment(at));
  return joined(Uint8Array.of(KIND.short), credential.raw.subarray(2, 11), moment(at));
}

/** One form of a render: 183 bytes or 81. Both forms of one moment are one presentation. Throws OutOfRange. */
export async function renderPass(form: Form, credential: Credential, holder: Signer, at: Moment): Promise<Bytes> {
  const signed = unsignedPass(form, credential, at);
  return joined(signed, await holder.sign(form === "long" ? "PASS" : "SHORT_PASS", signed));
}

/** Which form is shown as number `turn`, from 1, of a render. `known`: the fleet is known to hold the rider's row. */
export function formAt(turn: number, known = false): Form {
  return turn % (known ? LIMITS.FORMS_UNTIL_LONG : 2) === 0 ? "long" : "short";
}
