// What the passenger's app decides without a browser: numbers of renders, the clock, warnings.
import { describe, expect, it } from "vitest";
import { LIMITS } from "$generated/tables";
import { signerOf, verify } from "@savar/pass/keys/webcrypto";
import { corrected, holds, isWrong, learn, provenTime } from "@savar/pass/clock";
import { CounterSpent, dayOf, nextRender, type Renders } from "@savar/pass/counter";
import { COUNTER_MAX, LOW_RIALS } from "@savar/pass/limits";
import { warningsOf, type Facts } from "@savar/pass/warnings";
import { fromHex, joined, unsigned } from "@savar/pass/protocol/bytes";
import { uncompressed } from "@savar/pass/protocol/keys";
import { pairOf, vectors } from "./vectors";

const NOON_S = 1_790_000_000;
const DAY_S = LIMITS.DAY_S;

/** Renders at these seconds → their numbers. */
function numbers(...seconds: number[]): number[] {
  let kept: Renders | undefined;
  return seconds.map((timeS) => (kept = nextRender(kept, timeS)).counter);
}

describe("the number of a render", () => {
  it("counts from local midnight, and not from any other", () => {
    const midnight_s = (dayOf(NOON_S) + 1) * DAY_S - LIMITS.LOCAL_OFFSET_S;
    expect(numbers(midnight_s - 16, midnight_s - 1, midnight_s, midnight_s + 15)).toEqual([1, 2, 1, 2]);
  });

  it("goes on within one second, and while the clock is behind", () => {
    expect(numbers(NOON_S, NOON_S, NOON_S - 100, NOON_S)).toEqual([1, 2, 3, 4]);
  });

  it("never comes twice with the same second, wherever the clock is set", () => {
    let seed = 11;
    const random = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most;
    for (let run = 0; run < 200; run += 1) {
      const seen = new Set<string>();
      let kept: Renders | undefined;
      for (let shown = 0; shown < 400; shown += 1) {
        const timeS = NOON_S + (random(5) - 2) * DAY_S + random(3); // days back and forth, within few seconds
        kept = nextRender(kept, timeS);
        expect(seen.has(`${timeS}/${kept.counter}`)).toBe(false);
        seen.add(`${timeS}/${kept.counter}`);
      }
    }
  });

  it("ends before the number that means a printed ticket, and begins anew in a newer second alone", () => {
    const full = { lastS: NOON_S, counter: COUNTER_MAX, highest: 0 };
    expect(() => nextRender(full, NOON_S)).toThrow(CounterSpent);
    expect(() => nextRender(full, NOON_S - DAY_S)).toThrow(CounterSpent);
    expect(nextRender(full, NOON_S + 1).counter).toBe(1);
  });
});

describe("the phone's clock", () => {
  const keys = vectors<{ keys: { name: string; secret: string; public: string }[] }>("keys").keys;
  const issuer = keys.find((it) => it.name === "issuer")!;
  const nonce = unsigned(7, LIMITS.TIME_NONCE_BYTES);
  const at = (nowMs: number, zoneMin = -210) => ({ nowMs, zoneMin });

  async function told(time_ms: number, over = nonce, purpose: "TIME" | "PASS" = "TIME") {
    const point = fromHex(issuer.public);
    const signer = signerOf(await pairOf(issuer.secret, uncompressed(point)), point);
    const made = await signer.sign(purpose, joined(over, unsigned(time_ms, 8)));
    return { time_ms, signature: Buffer.from(made).toString("hex") };
  }

  it("is held against the time that the issuer signed over this phone's nonce, and no other", async () => {
    const key = fromHex(issuer.public);
    const right = await told(1_790_000_000_123);
    await expect(provenTime(right, nonce, key, verify)).resolves.toBeUndefined();
    const [old, other] = [await told(1_790_000_000_123, unsigned(8, 16)), fromHex(keys[1]!.public)];
    const badly = { name: "BadSignature" };
    await expect(provenTime(old, nonce, key, verify)).rejects.toMatchObject(badly);
    await expect(provenTime({ ...right, time_ms: 1 }, nonce, key, verify)).rejects.toMatchObject(badly);
    await expect(provenTime(right, nonce, other, verify)).rejects.toMatchObject(badly);
    await expect(provenTime(await told(5, nonce, "PASS"), nonce, key, verify)).rejects.toMatchObject(badly);
    const [half, none] = [{ ...right, time_ms: 0.5 }, { ...right, signature: "x" }];
    await expect(provenTime(half, nonce, key, verify)).rejects.toMatchObject({ name: "OutOfRange" });
    await expect(provenTime(none, nonce, key, verify)).rejects.toMatchObject({ name: "WrongType" });
  });

  it("is corrected by the middle of the way, if that was short", () => {
    const correction = learn({ time_ms: 1_000_000, signature: "" }, at(4_600_000), at(4_601_000));
    expect(correction).toEqual({ offsetMs: 1_000_500 - 4_601_000, zoneMin: -210 });
    expect(corrected(at(4_602_000), correction)).toBe(1_001_500);
    expect(learn({ time_ms: 1, signature: "" }, at(0), at(4_001))).toBeUndefined();
    expect(learn({ time_ms: 1, signature: "" }, at(1), at(0))).toBeUndefined();
    expect(learn({ time_ms: 1, signature: "" }, at(0), at(0, -270))).toBeUndefined();
  });

  it("is another one when it went back, or its zone changed", () => {
    const hourAhead = { offsetMs: -3_600_000, zoneMin: -210 };
    const seenMs = 10_000_000;
    expect(holds(hourAhead, at(13_600_000), seenMs)).toBe(true);
    expect(holds(hourAhead, at(13_599_000), seenMs)).toBe(true); // a clock that is disciplined goes back a little
    expect(holds(hourAhead, at(10_000_000), seenMs)).toBe(false); // somebody set it right
    expect(holds(hourAhead, at(13_600_000, -270), seenMs)).toBe(false);
  });

  it("is wrong beyond what a bus takes", () => {
    expect(isWrong({ offsetMs: -31_000, zoneMin: 0 })).toBe(true);
    expect(isWrong({ offsetMs: 29_000, zoneMin: 0 })).toBe(false);
    expect(isWrong(undefined)).toBe(false);
  });
});

describe("warnings", () => {
  const well: Facts = {
    today: 100,
    expiryDay: 200,
    allowanceRials: 300_000,
    balanceRials: 2_000_000,
    confirmed: true,
    clockWrong: false,
    kept: true,
  };
  it.each<[Partial<Facts>, string[]]>([
    [{}, []],
    [{ balanceRials: undefined }, []],
    [{ expiryDay: 99 }, ["expired"]],
    [{ expiryDay: 100 }, ["expires-soon"]],
    [{ expiryDay: 113 }, ["expires-soon"]],
    [{ expiryDay: 114 }, []],
    [{ confirmed: false }, ["unconfirmed"]],
    [{ clockWrong: true }, ["clock-wrong"]],
    [{ balanceRials: LOW_RIALS }, []],
    [{ balanceRials: LOW_RIALS - 1 }, ["low"]],
    [{ balanceRials: 0 }, ["low"]],
    [{ balanceRials: -150_000 }, ["low"]],
    [{ balanceRials: -150_001 }, ["nearly-spent"]],
    [{ balanceRials: -300_000 }, ["spent"]],
    [{ allowanceRials: 0 }, ["spent"]],
    [{ kept: false }, ["not-kept"]],
    [{ kept: false, expiryDay: 0, balanceRials: -300_000 }, ["expired", "spent", "not-kept"]],
  ])("of %o", (changed, expected) => {
    expect(warningsOf({ ...well, ...changed })).toEqual(expected);
  });
});
