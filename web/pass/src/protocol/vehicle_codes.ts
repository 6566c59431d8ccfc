// The vehicle code that a bus shows, as its rider's phone reads it. A phone holds no keys of devices: what is read here
// is claimed by whoever made the code, and the backend judges it by the door's key.

import { LIMITS } from "$generated/tables";
import { integer, joined, type Bytes } from "./bytes";
import { ContractError } from "./errors";

const LAYOUT = 1;
const HEAD = 14; // layout, time, nonce, door
const MARK = "/v#";
const NAME = new RegExp(`^[a-z0-9-]{1,${LIMITS.NAME_MAX_CHARS}}$`);

/** What a vehicle code says of itself, its signature unproven. `line`: undefined while nobody has said it. */
export type ClaimedVehicle = {
  readonly timeS: number;
  readonly nonce: Bytes;
  readonly door: number;
  readonly device: string;
  readonly vehicle: string;
  readonly line: string | undefined;
};

/** A name as the contract has it. Throws OutOfRange. */
export function nameText(field: string, text: string): string {
  if (!NAME.test(text)) throw new ContractError("OutOfRange", `${field} is not a name`, { field });
  return text;
}

/** What stands behind `#` in a QR's text, or the text itself where there is none. Throws NotAFareCode, TooLarge. */
export function writtenIn(text: string): string {
  if (text.length > LIMITS.VEHICLE_URL_MAX_CHARS)
    throw new ContractError("TooLarge", "longer than any vehicle code", { chars: text.length });
  const mark = text.lastIndexOf("#");
  if (mark >= 0 && !text.slice(0, mark + 1).endsWith(MARK))
    throw new ContractError("NotAFareCode", "not a vehicle code's address", { chars: text.length });
  return text.slice(mark + 1);
}

/** A QR's text, or what stands behind its `#` → the code's bytes. Throws NotAFareCode, TooLarge or DamagedCode. */
export function readVehicleUrl(text: string): Bytes {
  const written = writtenIn(text);
  const damaged = (): ContractError =>
    new ContractError("DamagedCode", "vehicle code is not base64url", { chars: written.length });
  if (!/^[A-Za-z0-9_-]*$/.test(written) || written.length % 4 === 1) throw damaged();
  const letters = atob(written.replace(/-/g, "+").replace(/_/g, "/"));
  const again = btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  if (again !== written) throw damaged(); // spare bits: one code is one text
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** Device, vehicle and line as the lengths before them cut them; undefined where the bytes end before. */
function cutNames(raw: Uint8Array): [string[], number] | undefined {
  const names: string[] = [];
  let at = HEAD;
  for (let of = 0; of < 3; of += 1) {
    const size = raw[at];
    if (size === undefined || size > LIMITS.NAME_MAX_CHARS || at + 1 + size > raw.length) return undefined;
    names.push(String.fromCharCode(...raw.subarray(at + 1, at + 1 + size)));
    at += 1 + size;
  }
  return [names, at];
}

/**
 * What a code claims: enough to ask the backend about it, and to sign over what it answers.
 *
 * Throws UnknownVersion, WrongLength, MissingSignature or OutOfRange.
 */
export function claimedVehicle(raw: Uint8Array): ClaimedVehicle {
  if (raw[0] !== LAYOUT)
    throw new ContractError("UnknownVersion", "not a vehicle code that we know", { layout: raw[0] ?? -1 });
  const cut = cutNames(raw);
  if (cut !== undefined && raw.length === cut[1])
    throw new ContractError("MissingSignature", "vehicle code without the door's signature", { bytes: raw.length });
  if (cut === undefined || raw.length !== cut[1] + LIMITS.SIGNATURE_BYTES)
    throw new ContractError("WrongLength", "vehicle code is not as long as its names say", { bytes: raw.length });
  const [device, vehicle, line] = cut[0] as [string, string, string];
  return {
    timeS: integer(raw.subarray(1, 5)),
    nonce: joined(raw.subarray(5, 13)),
    door: raw[13]!,
    device: nameText("device", device),
    vehicle: nameText("vehicle", vehicle),
    line: line === "" ? undefined : nameText("line", line),
  };
}
