// Top-ups as the phone keeps them: asked once, never "paid" by itself, never forgotten while open.
import { describe, expect, it } from "vitest";
import { LIMITS } from "$generated/tables";
import { TOPUP_AMOUNTS_RIALS, TOPUP_ASKS_MS, TOPUPS_KEPT } from "../passenger/src/lib/limits";
import { asking, endOf, payable, told, type TopUp } from "../passenger/src/lib/topups";

const open = (key: string): TopUp => ({ key, rials: 500_000, askedMs: 0, id: `id-${key}` });

describe("top-ups that are kept", () => {
  it("are asked again under the same key until there is an answer", () => {
    const first = asking([], 500_000, 0, "a");
    expect(first).toEqual([{ key: "a", rials: 500_000, askedMs: 0 }]);
    expect(asking(first, 500_000, TOPUP_ASKS_MS - 1, "b")[0]?.key).toBe("a");
    expect(asking(told(first, "a", { id: "x" }), 500_000, 1, "b").map((it) => it.key)).toEqual(["b", "a"]);
  });

  it("are another with another amount, and when the provider's address would be over", () => {
    const first = asking([], 500_000, 0, "a");
    expect(asking(first, 200_000, 1, "b").map((it) => it.key)).toEqual(["b"]);
    expect(asking(first, 500_000, TOPUP_ASKS_MS, "b").map((it) => it.key)).toEqual(["b"]);
  });

  it("stay while they are open, and go when they ended; no more than the limit", () => {
    const kept: TopUp[] = [open("a"), { ...open("b"), ended: "paid" }];
    expect(asking(kept, 200_000, 0, "c").map((it) => it.key)).toEqual(["c", "a"]);
    const many = Array.from({ length: TOPUPS_KEPT }, (_, at) => open(`${at}`));
    expect(asking(many, 200_000, 0, "c")).toHaveLength(TOPUPS_KEPT);
  });

  it("end by the backend's word alone", () => {
    expect(["asked", "pending", "paid", "failed", "reversed"].map((it) => endOf(it as "paid"))).toEqual([
      undefined, undefined, "paid", "failed", "reversed",
    ]);
  });

  it("lead to a web page and nowhere else", () => {
    const address = ["https:", "", "pay", "1"].join("/");
    expect(payable({ ...open("a"), payUrl: address })).toBe(address);
    expect(payable({ ...open("a"), payUrl: "javascript:alert(1)" })).toBeUndefined();
    expect(payable(open("a"))).toBeUndefined();
  });

  it("are of amounts that the backend takes", () => {
    for (const rials of TOPUP_AMOUNTS_RIALS) {
      expect(rials).toBeGreaterThanOrEqual(LIMITS.TOPUP_MIN_RIALS);
      expect(rials).toBeLessThanOrEqual(LIMITS.TOPUP_MAX_RIALS);
    }
  });
});
