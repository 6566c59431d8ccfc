// One scan of a bus without a browser: what is asked, signed and shown, and what is not.
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { hintOf, publicOf, signerOf, verify } from "@savar/pass/keys/webcrypto";
import { fromHex, hex, joined, unsigned, type Bytes } from "@savar/pass/protocol/bytes";
import { writeCode } from "@savar/pass/protocol/codes";
import { openGrant } from "@savar/pass/protocol/grants";
import { uncompressed, type Signer } from "@savar/pass/protocol/keys";
import { CREDENTIAL_BYTES, readCredential } from "@savar/pass/protocol/passes";
import { claimedVehicle, readVehicleUrl } from "@savar/pass/protocol/vehicle_codes";
import { Refused, Unreached, type GrantTold, type SeenVehicle } from "../passenger/src/lib/api";
import type { Reader } from "../passenger/src/lib/scan/camera";
import { makeReader } from "../passenger/src/lib/scan/reader";
import { Scanning, type Asked } from "../passenger/src/lib/scan/scanning.svelte";
import { SCAN_WORDS } from "../passenger/src/lib/scan/words";
import type { Granted } from "../passenger/src/lib/store";
import { pairOf, vectors } from "./vectors";

const keys = vectors<{ keys: { name: string; secret: string; public: string }[] }>("keys").keys;
const URL = vectors("vehicle_codes").pass.find((it) => it.decoder === "vehicle_url")!.text!;
const CREDENTIAL = fromHex(vectors("passes").pass[0]!.bytes!).slice(0, CREDENTIAL_BYTES);
const CODE = claimedVehicle(readVehicleUrl(URL));
const MOST = 50_000;
const BUS: SeenVehicle = {
  vehicle: CODE.vehicle,
  door: CODE.door,
  line: "91",
  fare_rials: MOST,
  party_max: 15,
  good_for_ms: 40_000,
};

async function signer(name: string): Promise<Signer> {
  const key = keys.find((it) => it.name === name)!;
  const pair = await pairOf(key.secret, uncompressed(fromHex(key.public)));
  return signerOf(pair, await publicOf(pair));
}

/** A grant of this request, as the backend makes it. */
async function grantOf(issuer: Signer, request: Bytes): Promise<Bytes> {
  const head = joined(Uint8Array.of(6, await hintOf(issuer.public), 0), unsigned(MOST, 5));
  const body = joined(head, request);
  return joined(body, await issuer.sign("GRANT", body));
}

describe("a scan", () => {
  let [holder, issuer, other]: [Signer, Signer, Signer] = [undefined!, undefined!, undefined!];
  let issuerKey: Bytes;
  let requests: Bytes[];
  let kept: Granted[];
  let syncs: number;
  let passed: number;
  let asked: Asked;
  let scan: Scanning;
  const told = async (request: Bytes, by = issuer): Promise<GrantTold> => ({
    code: writeCode(await grantOf(by, request)),
    most_rials: MOST,
    good_until_ms: 1_000_000,
  });
  beforeAll(async () => {
    [holder, issuer, other] = [await signer("holder"), await signer("issuer"), await signer("another issuer")];
  });
  beforeEach(() => {
    [requests, kept, syncs, passed, issuerKey] = [[], [], 0, 0, issuer.public];
    asked = {
      rider: () => ({
        credential: readCredential(CREDENTIAL),
        signer: holder,
        registered: { credentialId: "", credential: CREDENTIAL, token: "", issuerKey },
      }),
      seen: async () => BUS,
      grant: async (_, __, request) => {
        requests.push(request);
        return told(request);
      },
      sync: async () => void (syncs += 1),
      keep: async (granted) => void kept.push(granted),
      passedMs: () => passed,
    };
    scan = new Scanning(asked);
  });

  /** Read the bus's code, and wait until the backend has said what it is. */
  async function scanned(): Promise<void> {
    expect(scan.found(URL)).toBe(true);
    await vi.waitFor(() => expect(["seen", "failed"]).toContain(scan.stage));
  }

  it("asks about a bus's code alone, and by what stands behind its mark", async () => {
    const seen = vi.spyOn(asked, "seen");
    for (const text of ["", "SV1:00", "example.org/menu", URL.replace("/v#", "/w#"), `${URL}A`]) {
      expect(scan.found(text)).toBe(false);
      expect([scan.stage, scan.foreign]).toEqual(["looking", true]);
    }
    await scanned();
    expect(seen.mock.calls).toEqual([[URL.split("#")[1]]]);
    expect(scan.found("anything")).toBe(true); // one code a scan
  });

  it("signs nothing before its rider confirms, and then what was read, once", async () => {
    const signs = vi.spyOn(holder, "sign");
    await scanned();
    scan.bring(99);
    expect([scan.stage, scan.party, signs.mock.calls.length]).toEqual(["seen", BUS.party_max, 0]);
    scan.bring(2);
    await Promise.all([scan.confirm(), scan.confirm()]);
    expect(signs.mock.calls.map(([purpose]) => purpose)).toEqual(["BOARDING"]);
    expect(scan.stage).toBe("granted");
    const [request] = requests;
    expect(requests).toHaveLength(1);
    expect([request![21], hex(request!.subarray(13, 21))]).toEqual([2, hex(CODE.nonce)]);
    const { raw } = scan.granted!;
    const opened = await openGrant(raw, request!, [{ public: issuer.public, hint: raw[1]! }], verify);
    expect(opened.mostRials).toBe(MOST);
    expect(kept).toEqual([scan.granted]);
    expect([scan.granted!.mostRials, scan.granted!.party, scan.granted!.goodUntilMs]).toEqual([MOST, 2, 1_000_000]);
    signs.mockRestore();
  });

  it("asks again by the same request where no answer came", async () => {
    const grant = vi.spyOn(asked, "grant");
    grant.mockImplementationOnce(async (_, __, request) => {
      requests.push(request);
      throw new Unreached("");
    });
    await scanned();
    await scan.confirm();
    expect([scan.stage, scan.failure, scan.retries, scan.granted]).toEqual(["failed", "unanswered", true, undefined]);
    passed = BUS.good_for_ms; // it may have been granted: the backend is to say
    await scan.retry();
    expect(scan.stage).toBe("granted");
    expect(requests).toHaveLength(2);
    expect(hex(requests[1]!)).toBe(hex(requests[0]!));
  });

  it("confirms no code that is too old by now", async () => {
    await scanned();
    passed = BUS.good_for_ms;
    await scan.confirm();
    expect([scan.failure, scan.retries, requests.length]).toEqual(["old", false, 0]);
    scan.look();
    expect([scan.stage, scan.bus, scan.failure]).toEqual(["looking", undefined, undefined]);
  });

  it("shows no bus but the one whose code was read", async () => {
    asked.seen = async () => ({ ...BUS, vehicle: "bus-7" });
    await scanned();
    expect([scan.failure, scan.bus]).toEqual(["unproven", undefined]);
  });

  it("shows no grant of another's request, nor by another's key", async () => {
    const elsewhere = joined(Uint8Array.of(9), new Uint8Array(87 + CODE.vehicle.length - 1));
    elsewhere[22] = CODE.vehicle.length;
    for (const made of [() => told(elsewhere), (request: Bytes) => told(request, other)]) {
      scan.look();
      await scanned();
      asked.grant = async (_, __, request) => made(request);
      await scan.confirm();
      expect([scan.failure, scan.granted]).toEqual(["unproven", undefined]);
    }
    expect(kept).toEqual([]);
  });

  it("takes the key of a newer issuer, once it was told", async () => {
    asked.grant = async (_, __, request) => told(request, other);
    asked.sync = async () => void (issuerKey = other.public);
    await scanned();
    await scan.confirm();
    expect(scan.stage).toBe("granted");
  });

  it("says what the backend says, and looks whether the pass has ended", async () => {
    const words = { fa: "موجودی کافی نیست", en: "Not enough" };
    asked.grant = () => Promise.reject(new Refused(409, "refused", words));
    await scanned();
    await scan.confirm();
    expect([scan.failure, scan.said, scan.retries, syncs]).toEqual(["refused", words, false, 1]);
  });

  it("asks again what a bus is where nobody answered", async () => {
    const seen = vi.spyOn(asked, "seen").mockRejectedValueOnce(new Unreached(""));
    await scanned();
    expect([scan.failure, scan.retries]).toEqual(["network", true]);
    await scan.retry();
    expect([scan.stage, seen.mock.calls.length]).toEqual(["seen", 2]);
  });

  it("ends with the bus's patience", async () => {
    await scanned();
    scan.lapse();
    expect(scan.stage).toBe("seen");
    await scan.confirm();
    scan.lapse();
    expect(scan.failure).toBe("lapsed");
  });
});

describe("what reads a frame", () => {
  const ours: Reader = async () => ["ours"];
  const frame = {} as HTMLCanvasElement;
  const having = (formats: string[], detect: () => Promise<{ rawValue: string }[]>): void => {
    vi.stubGlobal(
      "BarcodeDetector",
      class {
        static getSupportedFormats = async (): Promise<string[]> => formats;
        detect = detect;
      },
    );
  };
  afterEach(() => void vi.unstubAllGlobals());

  it("is the browser's own, where it has one that reads QR", async () => {
    having(["qr_code"], async () => [{ rawValue: "own" }]);
    const read = await makeReader(() => Promise.reject(new Error("fetched all the same")));
    expect(await read(frame)).toEqual(["own"]);
    having(["ean_13"], async () => [{ rawValue: "own" }]);
    expect(await (await makeReader(async () => ours))(frame)).toEqual(["ours"]);
  });

  it("is ours where there is none, or where its service turns out to be missing", async () => {
    expect(await (await makeReader(async () => ours))(frame)).toEqual(["ours"]);
    having(["qr_code"], () => Promise.reject(new DOMException("no service", "NotSupportedError")));
    const instead = vi.fn(async () => ours);
    const read = await makeReader(instead);
    expect([await read(frame), await read(frame), instead.mock.calls.length]).toEqual([["ours"], ["ours"], 1]);
  });
});

describe("the scanner's words", () => {
  const persian = /[\u0600-\u06ff]/;
  const flat = (table: object): string[] =>
    Object.values(table).flatMap((it: string | object) => (typeof it === "string" ? [it] : flat(it)));

  it("are Persian in Persian and not in English, few, and say what to do", () => {
    for (const text of flat(SCAN_WORDS.fa)) expect(text).toMatch(persian);
    for (const text of flat(SCAN_WORDS.en)) expect(text).not.toMatch(persian);
    for (const words of Object.values(SCAN_WORDS))
      for (const { what, next } of Object.values(words.failures)) {
        expect(what.split(" ").length).toBeLessThanOrEqual(8);
        expect(next.split(" ").length).toBeLessThanOrEqual(11);
      }
  });

  it("claim no lamp: nobody tells a phone that it is green", () => {
    for (const words of Object.values(SCAN_WORDS)) expect(words.granted).not.toMatch(/سبز|green/);
  });
});
