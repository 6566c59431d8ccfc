// A code's text → the modules of its symbol. Mode and level are forced: a library that chose for itself could show a
// symbol that dim screens do not carry.

import { LIMITS } from "$generated/tables";
import encodeQR from "qr";
import type { Form } from "./passes";

/** The versions that docs/PROTOCOL.md gives each form at level L. */
export const VERSION: Record<Form, number> = { long: 8, short: 5 };
export const QUIET_MODULES = 4; // ISO/IEC 18004 asks for four on each side

/** A grant's version at level L: that of the long pass, and one more with a vehicle's name of over 24 letters. */
export const grantVersion = (bytes: number): number => (bytes <= LIMITS.LONG_PASS_BYTES ? VERSION.long : 9);

/** Dark is true; row by row, without the quiet zone. Throws what the library throws for a text that does not fit. */
export function modules(code: string, form: Form): boolean[][] {
  return symbol(code, VERSION[form]);
}

/** A grant's symbol, of its text and its size in bytes. As `modules`. */
export const grantModules = (code: string, bytes: number): boolean[][] => symbol(code, grantVersion(bytes));

function symbol(code: string, version: number): boolean[][] {
  const options = { ecc: "low", encoding: "alphanumeric", version, border: 1 } as const;
  const rows = encodeQR(code, "raw", options);
  return rows.slice(1, -1).map((row) => row.slice(1, -1));
}
