// The text in a QR: `SV1:` and base45 (RFC 9285). Every letter of it is one of QR's alphanumeric mode.

import { LIMITS } from "$generated/tables";
import type { Bytes } from "./bytes";
import { ContractError } from "./errors";

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/** Payload bytes → the text to put into a QR in alphanumeric mode. */
export function writeCode(payload: Uint8Array): string {
  let text = LIMITS.CODE_PREFIX as string;
  for (let at = 0; at < payload.length; at += 2) {
    const pair = payload[at + 1];
    const value = pair === undefined ? payload[at]! : payload[at]! * 256 + pair;
    text += LETTERS.charAt(value % 45) + LETTERS.charAt(Math.floor(value / 45) % 45);
    if (pair !== undefined) text += LETTERS.charAt(Math.floor(value / 2025));
  }
  return text;
}

/** Text of a QR → payload bytes. Throws NotAFareCode, TooLarge or DamagedCode. */
export function readCode(text: string): Bytes {
  if (!text.startsWith(LIMITS.CODE_PREFIX)) throw new ContractError("NotAFareCode", "not a fare code");
  if (text.length > LIMITS.CODE_TEXT_MAX_CHARS)
    throw new ContractError("TooLarge", "code longer than any QR symbol", { chars: text.length });
  const damaged = (): ContractError => new ContractError("DamagedCode", "code is not base45", { chars: text.length });
  const values = Array.from(text.slice(LIMITS.CODE_PREFIX.length), (letter) => LETTERS.indexOf(letter));
  if (values.includes(-1) || values.length % 3 === 1) throw damaged();
  const bytes: number[] = [];
  for (let at = 0; at < values.length; at += 3) {
    const third = values[at + 2];
    const value = values[at]! + values[at + 1]! * 45 + (third ?? 0) * 2025;
    if (value > (third === undefined ? 0xff : 0xffff)) throw damaged();
    if (third !== undefined) bytes.push(value >> 8);
    bytes.push(value & 0xff);
  }
  return Uint8Array.from(bytes);
}
