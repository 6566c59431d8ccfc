// Keys and signatures as docs/PROTOCOL.md has them: P-256, r‖s with low s, over a COSE Sig_structure. No key is held
// here: who signs and who verifies is handed in, for browsers, tests and a partner's app each have their own.

import { LIMITS, PURPOSES } from "$generated/tables";
import { fromLarge, joined, large, type Bytes } from "./bytes";
import { ContractError } from "./errors";

export type Purpose = keyof typeof PURPOSES;

/** Whatever can sign for a holder. `public`: the compressed point, 33 bytes. */
export type Signer = {
  readonly public: Bytes;
  /** 64 bytes r‖s, s low, over the payload for this purpose. */
  sign(purpose: Purpose, payload: Uint8Array): Promise<Bytes>;
};

/** Whether 64 bytes r‖s hold over the message by an uncompressed point of 65 bytes. */
export type Verify = (point: Bytes, message: Bytes, signature: Bytes) => Promise<boolean>;

const HALF = LIMITS.SIGNATURE_BYTES / 2;
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const text = new TextEncoder();

/** A CBOR byte string with its minimal head. */
function bstr(data: Uint8Array): Bytes {
  const size = data.length;
  if (size < 24) return joined(Uint8Array.of(0x40 | size), data);
  if (size < 0x100) return joined(Uint8Array.of(0x58, size), data);
  return joined(Uint8Array.of(0x59, size >> 8, size & 0xff), data);
}

/** ["Signature1", {1: -7}, external_aad, payload]: what every signature covers. A payload of at most 65,535 bytes. */
export function toBeSigned(purpose: Purpose, payload: Uint8Array): Bytes {
  const head = joined(Uint8Array.of(0x84, 0x6a), text.encode("Signature1"), Uint8Array.of(0x43, 0xa1, 0x01, 0x26));
  return joined(head, bstr(text.encode(PURPOSES[purpose])), bstr(payload));
}

const isHigh = (signature: Uint8Array): boolean => large(signature.subarray(HALF)) > ORDER / 2n;

/** The same signature with its s in the lower half: WebCrypto gives either, and validators take one. */
export function lowS(signature: Uint8Array): Bytes {
  if (signature.length !== LIMITS.SIGNATURE_BYTES)
    throw new ContractError("WrongLength", "signature is not 64 bytes", { bytes: signature.length });
  const s = isHigh(signature) ? ORDER - large(signature.subarray(HALF)) : large(signature.subarray(HALF));
  return joined(signature.subarray(0, HALF), fromLarge(s, HALF));
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base % P];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

/** 33 bytes → the point's 65. Throws BadKey: another encoding, or off the curve. */
export function uncompressed(point: Uint8Array): Bytes {
  const bad = (): ContractError =>
    new ContractError("BadKey", "not a compressed P-256 point", { bytes: point.length });
  if (point.length !== LIMITS.PUBLIC_KEY_BYTES || (point[0] !== 2 && point[0] !== 3)) throw bad();
  const x = large(point.subarray(1));
  if (x >= P) throw bad();
  const square = (x * x * x - 3n * x + B) % P;
  const root = power(square < 0n ? square + P : square, (P + 1n) / 4n); // P is 3 mod 4
  if ((root * root - square) % P !== 0n) throw bad();
  const y = (root & 1n) === BigInt(point[0] & 1) ? root : P - root;
  return joined(Uint8Array.of(4), point.subarray(1), fromLarge(y, 32));
}

/** 65 bytes, as WebCrypto exports a point → its 33. Throws BadKey. */
export function compressed(point: Uint8Array): Bytes {
  if (point.length !== 65 || point[0] !== 4)
    throw new ContractError("BadKey", "not an uncompressed P-256 point", { bytes: point.length });
  return joined(Uint8Array.of(2 | (point[64]! & 1)), point.subarray(1, 33));
}

/** Return if the signature holds. Throws BadKey, WrongLength, HighSSignature or BadSignature. */
export async function require(
  verify: Verify,
  key: Uint8Array,
  purpose: Purpose,
  payload: Uint8Array,
  signature: Uint8Array,
): Promise<void> {
  const point = uncompressed(key);
  if (signature.length !== LIMITS.SIGNATURE_BYTES)
    throw new ContractError("WrongLength", "signature is not 64 bytes", { bytes: signature.length });
  if (isHigh(signature)) throw new ContractError("HighSSignature", "signature in its high-s form");
  if (!(await verify(point, toBeSigned(purpose, payload), joined(signature))))
    throw new ContractError("BadSignature", "signature does not hold", { purpose });
}
