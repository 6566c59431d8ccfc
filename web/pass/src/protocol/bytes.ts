// Bytes: joined, cut, big-endian, and as hex. WebCrypto takes no bytes of shared memory, hence the type.

import { ContractError } from "./errors";

export type Bytes = Uint8Array<ArrayBuffer>;

export function joined(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `size` bytes of an unsigned integer, big-endian. It must fit: whoever calls has looked. */
export function unsigned(value: number, size: number): Bytes {
  const made = new Uint8Array(size);
  for (let at = size - 1, rest = value; at >= 0; at -= 1, rest = Math.floor(rest / 256)) made[at] = rest % 256;
  return made;
}

/** An unsigned integer of up to six bytes: beyond them numbers here have too few digits. */
export const integer = (bytes: Uint8Array): number => bytes.reduce((value, byte) => value * 256 + byte, 0);

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Hex as the backend writes it. Throws WrongType for anything else. */
export function fromHex(text: unknown): Bytes {
  if (typeof text !== "string" || !/^([0-9a-f]{2})*$/.test(text))
    throw new ContractError("WrongType", "not lower-case hex");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export const same = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

export const large = (bytes: Uint8Array): bigint => BigInt(`0x${hex(bytes) || "0"}`);

export function fromLarge(value: bigint, size: number): Bytes {
  return fromHex(value.toString(16).padStart(size * 2, "0"));
}
