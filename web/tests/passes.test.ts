// The phone's half of the contract against the golden vectors, with the WebCrypto of this machine.
import { describe, expect, it } from "vitest";
import { PURPOSES } from "$generated/tables";
import { publicOf, signerOf, verify } from "@savar/pass/keys/webcrypto";
import { fromHex, hex, large, type Bytes } from "@savar/pass/protocol/bytes";
import { readCode, writeCode } from "@savar/pass/protocol/codes";
import {
  compressed,
  lowS,
  require,
  toBeSigned,
  uncompressed,
  type Purpose,
  type Signer,
} from "@savar/pass/protocol/keys";
import {
  CREDENTIAL_BYTES,
  formAt,
  readCredential,
  renderPass,
  unsignedPass,
  verifyCredential,
} from "@savar/pass/protocol/passes";
import { modules } from "@savar/pass/protocol/qr";
import { issuersOf, openLong, openShort, pairOf, told, vectors, type Entry } from "./vectors";

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const passes = vectors("passes");
const short = vectors("short_passes");
const codes = vectors("codes");
const rows = fromHex(short.given["riders"] as string);
const keys = vectors<{
  keys: { name: string; secret: string; public: string }[];
  signatures: { purpose: Purpose; payload: string; to_be_signed: string; signature: string }[];
}>("keys");
const holder = keys.keys.find((it) => it.name === "holder")!;
const named = (entries: Entry[]): [string, Entry][] => entries.map((it) => [it.name, it]);

async function opened(entry: Entry): Promise<Record<string, unknown>> {
  const raw = fromHex(entry.bytes ?? "");
  if (entry.decoder === "short_pass") return openShort(raw, rows);
  const issuers = await issuersOf(passes.given);
  return entry.decoder === "long_pass" ? openLong(raw, issuers) : told(await verifyCredential(raw, issuers, verify));
}
const nameOf = (error: Error): string => (error.name === "Error" ? error.message : error.name);

describe("golden vectors", () => {
  it.each(named(passes.pass))("takes %s", async (_, entry) => {
    expect(await opened(entry)).toEqual(entry.fields);
  });
  it.each(named([...passes.fail, ...short.fail]))("refuses %s", async (_, entry) => {
    expect(nameOf(await opened(entry).then(() => new Error("taken"), (error: Error) => error))).toBe(entry.error);
  });
  it.each(named(short.pass))("takes the short pass %s", async (_, entry) => {
    const { credential: _row, ...moment } = entry.fields;
    expect(await opened(entry)).toEqual(moment);
  });
  it.each(named(codes.pass))("reads and writes the code %s", (_, entry) => {
    expect(hex(readCode(entry.text!))).toBe(entry.fields["payload"]);
    expect(writeCode(fromHex(entry.fields["payload"] as string))).toBe(entry.text);
  });
  it.each(named(codes.fail))("refuses the code %s", (_, entry) => {
    expect(() => readCode(entry.text!)).toThrow(expect.objectContaining({ name: entry.error }));
  });
  it.each(keys.signatures)("signs what Python signs for $purpose", async (entry) => {
    const { purpose, payload, to_be_signed, signature } = entry;
    expect(PURPOSES[purpose]).toBeTruthy();
    expect(hex(toBeSigned(purpose, fromHex(payload)))).toBe(to_be_signed);
    const tap = keys.keys.find((it) => it.name === "tap")!;
    await require(verify, fromHex(tap.public), purpose, fromHex(payload), fromHex(signature));
  });
  it.each(keys.keys)("takes the point of $name apart and puts it together", ({ public: point }) => {
    expect(hex(compressed(uncompressed(fromHex(point))))).toBe(point);
  });
});

describe("a point", () => {
  it("whose x is no number of the field is refused: x = p would be taken for x = 0", () => {
    const p = fromHex("02ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    expect(uncompressed(fromHex(`02${"00".repeat(32)}`)).length).toBe(65);
    expect(() => uncompressed(p)).toThrow(expect.objectContaining({ name: "BadKey" }));
  });
});

/** A signer that answers what a vector holds. */
const saying = (signature: Bytes): Signer => ({ public: fromHex(holder.public), sign: async () => signature });

describe("a render", () => {
  const long = passes.pass.filter((it) => it.decoder === "long_pass");

  it.each([...named(long), ...named(short.pass)])("has the bytes of %s", async (_, { bytes, decoder, fields }) => {
    const raw = fromHex(bytes!);
    const [timeS, counter, party] = ["time_s", "counter", "party"].map((it) => Number(fields[it])) as [
      number,
      number,
      number,
    ];
    const form = decoder === "long_pass" ? "long" : "short";
    // A row has no issuer's signature: of a short pass the credential's id and version are all that counts.
    const id = hex(raw.subarray(1, 9));
    const at = rows.findIndex((_byte, it) => it % 48 === 0 && hex(rows.subarray(it, it + 8)) === id);
    const made = new Uint8Array(CREDENTIAL_BYTES);
    made.set([1], 0);
    made.set(rows.subarray(at, at + 8), 2);
    made.set(rows.subarray(at + 41, at + 42), 10);
    const credential = readCredential(form === "long" ? raw.subarray(0, CREDENTIAL_BYTES) : made);
    const render = await renderPass(form, credential, saying(raw.subarray(-64)), { timeS, counter, party });
    expect(hex(render)).toBe(bytes);
  });

  it("by WebCrypto holds in both forms, with low s each time", async () => {
    const point = uncompressed(fromHex(holder.public));
    const pair = await pairOf(holder.secret, point);
    const signer = signerOf(pair, await publicOf(pair));
    expect(hex(signer.public)).toBe(holder.public);
    const credential = readCredential(fromHex(long[0]!.bytes!).subarray(0, CREDENTIAL_BYTES));
    for (let counter = 0; counter < 40; counter += 1) {
      const at = { timeS: 1_790_000_000 + counter, counter, party: counter % 16 };
      const issuers = await issuersOf(passes.given);
      const raw = await renderPass("long", credential, signer, at);
      expect(await openLong(raw, issuers)).toMatchObject({ time_s: String(at.timeS), counter: String(counter) });
      const other = await renderPass("short", credential, signer, at);
      expect(await openShort(other, rows)).toMatchObject({ party: String(at.party) });
    }
  });

  it("turns a high s into the low one of the same signature, and leaves a low one", () => {
    const [given] = keys.signatures;
    const signature = fromHex(given!.signature);
    const high = Uint8Array.from(signature);
    high.set(fromHex((ORDER - large(signature.subarray(32))).toString(16).padStart(64, "0")), 32);
    expect(hex(lowS(high))).toBe(given!.signature);
    expect(hex(lowS(signature))).toBe(given!.signature);
    expect(() => lowS(signature.subarray(1))).toThrow(expect.objectContaining({ name: "WrongLength" }));
  });

  it.each([
    ["time_s", { timeS: 2 ** 32, counter: 0, party: 0 }],
    ["counter", { timeS: 0, counter: 65_536, party: 0 }],
    ["party", { timeS: 0, counter: 0, party: 16 }],
    ["time_s", { timeS: 1.5, counter: 0, party: 0 }],
    ["party", { timeS: 0, counter: 0, party: -1 }],
  ])("refuses a %s out of range", (field, at) => {
    const credential = readCredential(fromHex(long[0]!.bytes!).subarray(0, CREDENTIAL_BYTES));
    const refused = { name: "OutOfRange", data: expect.objectContaining({ field }) };
    expect(() => unsignedPass("long", credential, at)).toThrow(expect.objectContaining(refused));
  });

  it("is a symbol of version 8 or 5, which its text fits at level L in alphanumeric mode alone", () => {
    const [a, b] = [writeCode(new Uint8Array(183)), writeCode(new Uint8Array(81))];
    expect([a.length, b.length]).toEqual([279, 126]); // bytes would be 192 and 106 at most
    expect(modules(a, "long").length).toBe(8 * 4 + 17);
    expect(modules(b, "short").length).toBe(5 * 4 + 17);
    const finder = [true, true, true, true, true, true, true, false];
    expect(modules(a, "long")[0]!.slice(0, 8)).toEqual(finder);
  });

  it("shows short and long by turns, and each fourth the long one where the row is known", () => {
    expect([1, 2, 3, 4].map((turn) => formAt(turn))).toEqual(["short", "long", "short", "long"]);
    expect([1, 2, 3, 4, 8].map((turn) => formAt(turn, true))).toEqual(["short", "short", "short", "long", "long"]);
  });
});
