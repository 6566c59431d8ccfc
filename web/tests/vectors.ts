// The golden vectors that Python reads, and a strict reader of both passes for them: the app itself only writes passes.
import { readFileSync } from "node:fs";
import { LIMITS } from "$generated/tables";
import { fromHex, hex, integer, joined, type Bytes } from "@savar/pass/protocol/bytes";
import { ContractError } from "@savar/pass/protocol/errors";
import { hintOf, verify } from "@savar/pass/keys/webcrypto";
import { require } from "@savar/pass/protocol/keys";
import {
  CREDENTIAL_BYTES,
  KIND,
  verifyCredential,
  type Credential,
  type IssuerKey,
} from "@savar/pass/protocol/passes";

export type Entry = {
  name: string;
  decoder: string;
  bytes?: string;
  text?: string;
  fields: Record<string, unknown>;
  error: string;
};
const ROW_BYTES = 48;
type File = { given: Record<string, unknown>; pass: Entry[]; fail: Entry[] };

export const vectors = <Shape = File>(name: string): Shape =>
  JSON.parse(readFileSync(new URL(`../../tests/vectors/${name}.json`, import.meta.url), "utf-8")) as Shape;

export async function issuersOf(given: Record<string, unknown>): Promise<IssuerKey[]> {
  const keys = (given["issuer_keys"] as string[]).map(fromHex);
  return Promise.all(keys.map(async (key) => ({ public: key, hint: await hintOf(key) })));
}

/** A credential's fields as the vectors tell them. */
export const told = (it: Credential): Record<string, string> => ({
  issuer_hint: String(it.raw[1]),
  credential_id: hex(it.credentialId),
  version: String(it.version),
  holder: hex(it.holder),
  rider_class: String(it.riderClass),
  product: String(it.product),
  expiry_day: String(it.expiryDay),
  allowance_units: String(it.allowanceRials / LIMITS.ALLOWANCE_UNIT_RIALS),
});

function cut(raw: Uint8Array, form: "long" | "short"): number {
  const [kind, signed, whole] =
    form === "long" ? [KIND.long, 119, LIMITS.LONG_PASS_BYTES] : [KIND.short, 17, LIMITS.SHORT_PASS_BYTES];
  if (raw[0] !== kind) throw new ContractError("UnknownVersion", "not this pass");
  if (raw.length === signed || (form === "long" && raw.length === CREDENTIAL_BYTES))
    throw new ContractError("MissingSignature", "pass without the phone's signature");
  if (raw.length !== whole) throw new ContractError("WrongLength", "a pass of another length");
  return signed;
}

const momentOf = (bytes: Uint8Array): Record<string, string> => {
  if (bytes[6]! > LIMITS.PARTY_MAX) throw new ContractError("OutOfRange", "party is out of range");
  const [time_s, counter, party] = [bytes.subarray(0, 4), bytes.subarray(4, 6), bytes.subarray(6)].map(integer);
  return { time_s: String(time_s), counter: String(counter), party: String(party) };
};

export async function openLong(raw: Uint8Array, issuers: IssuerKey[]): Promise<Record<string, unknown>> {
  const signed = cut(raw, "long");
  const credential = await verifyCredential(raw.subarray(0, CREDENTIAL_BYTES), issuers, verify);
  await require(verify, credential.holder, "PASS", raw.subarray(0, signed), raw.subarray(signed));
  return { credential: told(credential), ...momentOf(raw.subarray(CREDENTIAL_BYTES, signed)) };
}

/** `rows`: the chunk of the rider table, 48 bytes a rider. */
export async function openShort(raw: Uint8Array, rows: Bytes): Promise<Record<string, unknown>> {
  const signed = cut(raw, "short");
  const id = hex(raw.subarray(1, 9));
  const found = rows.findIndex((_, it) => it % ROW_BYTES === 0 && hex(rows.subarray(it, it + 8)) === id);
  const row = found < 0 ? new Uint8Array() : rows.subarray(found, found + ROW_BYTES);
  if (row[41] !== raw[9]) throw new Error("UnknownRider");
  await require(verify, row.subarray(8, 41), "SHORT_PASS", raw.subarray(0, signed), raw.subarray(signed));
  return momentOf(raw.subarray(10, signed));
}

/** A key of the vectors as a pair that WebCrypto signs with: its scalar is `secret mod (n-1) + 1`. */
export async function pairOf(secret: string, point: Bytes): Promise<CryptoKeyPair> {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const scalar = (BigInt(`0x${secret}`) % (order - 1n)) + 1n;
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
  const d = text(fromHex(scalar.toString(16).padStart(64, "0")));
  const jwk = { kty: "EC", crv: "P-256", x: text(point.subarray(1, 33)), y: text(point.subarray(33)), d };
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  return {
    privateKey: await crypto.subtle.importKey("jwk", jwk, curve, false, ["sign"]),
    publicKey: await crypto.subtle.importKey("raw", joined(point), curve, true, ["verify"]),
  };
}
