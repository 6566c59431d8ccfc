// What a phone signs when its rider has scanned a bus, and the grant it shows: against the vectors that Python reads.
import { beforeAll, describe, expect, it } from "vitest";
import { publicOf, signerOf, verify } from "@savar/pass/keys/webcrypto";
import { fromHex, hex, type Bytes } from "@savar/pass/protocol/bytes";
import { writeCode } from "@savar/pass/protocol/codes";
import { openGrant, signBoarding, unsignedRequest } from "@savar/pass/protocol/grants";
import { require, uncompressed, type Signer } from "@savar/pass/protocol/keys";
import type { IssuerKey } from "@savar/pass/protocol/passes";
import { grantModules } from "@savar/pass/protocol/qr";
import { claimedVehicle, readVehicleUrl } from "@savar/pass/protocol/vehicle_codes";
import { issuersOf, pairOf, vectors, type Entry } from "./vectors";

const grants = vectors("grants");
const vehicles = vectors("vehicle_codes");
const keys = vectors<{ keys: { name: string; secret: string; public: string }[] }>("keys");
const holder = keys.keys.find((it) => it.name === "holder")!;
const of = (entries: Entry[], decoder: string): [string, Entry][] =>
  entries.filter((it) => it.decoder === decoder).map((it) => [it.name, it]);
const nameOf = async (made: Promise<unknown>): Promise<string> =>
  made.then(() => "taken", (error: Error) => (error.name === "Error" ? error.message : error.name));
/** What only a key could tell; the rest a phone must refuse by itself. */
const BY_A_KEY = ["BadSignature", "HighSSignature"];

describe("a vehicle code", () => {
  it.each(of(vehicles.pass, "vehicle_url"))("is read out of %s", (_, { text, fields }) => {
    expect(hex(readVehicleUrl(text!))).toBe(fields["code"]);
  });
  it.each(of(vehicles.fail, "vehicle_url"))("is not %s", (_, { text, error }) => {
    expect(() => readVehicleUrl(text!)).toThrow(expect.objectContaining({ name: error }));
  });
  it.each(of(vehicles.pass, "vehicle_code"))("claims what it says: %s", (_, { bytes, fields }) => {
    const { timeS, nonce, line, door, ...names } = claimedVehicle(fromHex(bytes));
    const said = { ...names, time_s: String(timeS), nonce: hex(nonce), door: String(door), line: line ?? null };
    expect(said).toEqual(fields);
  });
  const unclaimed = of(vehicles.fail, "vehicle_code").filter(([, it]) => !BY_A_KEY.includes(it.error));
  it.each(unclaimed)("of %s is refused without a key", (_, { bytes, error }) => {
    expect(() => claimedVehicle(fromHex(bytes))).toThrow(expect.objectContaining({ name: error }));
  });
});

type Fields = Record<string, string>;
const asked = (fields: Fields) => ({
  rider: { credentialId: fromHex(fields["credential_id"]), version: Number(fields["version"]) },
  vehicle: { timeS: Number(fields["time_s"]), nonce: fromHex(fields["nonce"]), vehicle: fields["vehicle"]! },
  party: Number(fields["party"]),
});
const saying = (signature: Bytes): Signer => ({ public: fromHex(holder.public), sign: async () => signature });

describe("a boarding request", () => {
  it.each(of(grants.pass, "boarding_request"))("has the bytes of the %s", async (_, { bytes, fields }) => {
    const { rider, vehicle, party } = asked(fields as Fields);
    const made = await signBoarding(saying(fromHex(bytes).subarray(-64)), rider, vehicle, party);
    expect(hex(made)).toBe(bytes);
  });

  it("is signed for boarding by the phone's own key", async () => {
    const pair = await pairOf(holder.secret, uncompressed(fromHex(holder.public)));
    const { rider, vehicle, party } = asked(grants.pass.find((it) => it.name === "request")!.fields as Fields);
    const made = await signBoarding(signerOf(pair, await publicOf(pair)), rider, vehicle, party);
    await require(verify, fromHex(holder.public), "BOARDING", made.subarray(0, -64), made.subarray(-64));
    const elsewhere = require(verify, fromHex(holder.public), "PASS", made.subarray(0, -64), made.subarray(-64));
    expect(await nameOf(elsewhere)).toBe("BadSignature");
  });

  const good = asked(grants.pass.find((it) => it.name === "request")!.fields as Fields);
  it.each([
    ["party", { ...good, party: 16 }],
    ["party", { ...good, party: 0.5 }],
    ["version", { ...good, rider: { ...good.rider, version: 256 } }],
    ["time_s", { ...good, vehicle: { ...good.vehicle, timeS: 2 ** 32 } }],
    ["nonce", { ...good, vehicle: { ...good.vehicle, nonce: fromHex("aa") } }],
    ["credential_id", { ...good, rider: { ...good.rider, credentialId: fromHex("aa") } }],
    ["vehicle", { ...good, vehicle: { ...good.vehicle, vehicle: "" } }],
    ["vehicle", { ...good, vehicle: { ...good.vehicle, vehicle: "v".repeat(33) } }],
    ["vehicle", { ...good, vehicle: { ...good.vehicle, vehicle: "BUS" } }],
  ])("of a %s out of range is not made", (field, { rider, vehicle, party }) => {
    const refused = { name: "OutOfRange", data: expect.objectContaining({ field }) };
    expect(() => unsignedRequest(rider, vehicle, party)).toThrow(expect.objectContaining(refused));
  });
});

describe("a grant", () => {
  let issuers: IssuerKey[];
  beforeAll(async () => {
    issuers = await issuersOf(grants.given);
  });
  /** The request that a grant has in it. */
  const inside = (raw: Bytes): Bytes => raw.slice(8, Math.max(8, raw.length - 64));

  it.each(of(grants.pass, "grant"))("that holds is taken: %s", async (_, { bytes, fields }) => {
    const raw = fromHex(bytes);
    const { riderClass, product, mostRials } = await openGrant(raw, inside(raw), issuers, verify);
    expect([riderClass, product, mostRials].map(String)).toEqual(
      ["rider_class", "product", "most_rials"].map((it) => fields[it]),
    );
    const side = raw.length <= 183 ? 8 * 4 + 17 : 9 * 4 + 17;
    expect(grantModules(writeCode(raw), raw.length).length).toBe(side);
  });

  /** What the issuer signed and a phone would see only by its own request: no key here reads another's. */
  const anothers = (it: Entry): boolean =>
    it.name.startsWith("request by") || ["request zeroed", "party of 16", "vehicle in capitals"].includes(it.name);
  const byTheIssuer = of(grants.fail, "grant").filter(([, it]) => !anothers(it));
  it.each(byTheIssuer)("of %s is refused", async (_, it) => {
    const raw = fromHex(it.bytes);
    expect(await nameOf(openGrant(raw, inside(raw), issuers, verify))).toBe(it.error);
  });

  const mine = inside(fromHex(grants.pass.find((it) => it.name === "alone")!.bytes));
  const notMine = of(grants.fail, "grant").filter(([, it]) => anothers(it));
  it.each([...notMine, ...of(grants.pass, "grant").filter(([name]) => name === "with companions")])(
    "of another request is not shown: %s",
    async (_, { bytes }) => {
      expect(await nameOf(openGrant(fromHex(bytes), mine, issuers, verify))).toBe("WrongType");
    },
  );
});
