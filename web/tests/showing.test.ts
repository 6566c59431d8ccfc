// A code on the screen: when it is there, in which form, and when it is not.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CounterSpent } from "@savar/pass/counter";
import { AGAIN_MS } from "@savar/pass/limits";
import { fromHex } from "@savar/pass/protocol/bytes";
import { CREDENTIAL_BYTES, readCredential } from "@savar/pass/protocol/passes";
import { Showing, type NotShown, type Seen } from "@savar/pass/showing";
import { vectors } from "./vectors";

const credential = readCredential(fromHex(vectors("passes").pass[0]!.bytes!).subarray(0, CREDENTIAL_BYTES));
const AT_MS = 1_790_000_000_000;

/** A screen whose changes are written down; the phone's signer takes `signMs`. */
function screen({ signMs = 0, keeps = () => undefined as Error | undefined } = {}) {
  const [seen, failed, signed]: [(Seen | undefined)[], NotShown[], number[]] = [[], [], []];
  let counter = 0;
  const count = async (): Promise<number> => {
    const error = keeps();
    if (error) throw error;
    return (counter += 1);
  };
  const sign = async (): Promise<Uint8Array<ArrayBuffer>> => {
    signed.push(counter); // kept before it is signed, let alone shown
    if (signMs > 0) await new Promise((soon) => setTimeout(soon, signMs));
    return new Uint8Array(64);
  };
  const told = [(now: Seen | undefined) => seen.push(now), (why: NotShown) => failed.push(why)] as const;
  const showing = new Showing({ countRender: count }, async () => AT_MS, ...told);
  const bearer = { credential, signer: { public: credential.holder, sign }, party: 0 };
  return { showing, bearer, seen, failed, signed, last: () => seen.at(-1) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a code on the screen", () => {
  it("shows both forms by turns, counts its seconds, and is another after fifteen of them", async () => {
    const { showing, bearer, seen, signed } = screen();
    await showing.renew(bearer);
    await vi.advanceTimersByTimeAsync(14_999);
    const first = seen.map((it) => [it?.render.counter, it?.form, it?.leftS]);
    expect(first.slice(0, 3)).toEqual([[1, "short", 15], [1, "long", 14], [1, "short", 13]]);
    expect(first.length).toBe(15);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.at(-1)).toMatchObject({ form: "short", leftS: 15, render: { counter: 2 } });
    expect(signed).toEqual([1, 1, 2, 2]);
  });

  it("is gone at once when nobody looks, and nothing comes by itself", async () => {
    const { showing, bearer, seen, last } = screen();
    await showing.renew(bearer);
    showing.hide();
    expect(last()).toBeUndefined();
    const told = seen.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.length).toBe(told);
    await showing.renew(bearer);
    expect(last()?.render.counter).toBe(2);
  });

  it("comes too late where it was being signed when nobody looked any more", async () => {
    const { showing, bearer, seen } = screen({ signMs: 500 });
    const signing = showing.renew(bearer);
    showing.hide();
    await vi.advanceTimersByTimeAsync(500);
    await signing;
    expect(seen).toEqual([undefined]);
  });

  it("shows the last of two that were asked for, and the first never", async () => {
    const { showing, bearer, seen } = screen({ signMs: 500 });
    const both = [showing.renew(bearer), showing.renew({ ...bearer, party: 1 })];
    await vi.advanceTimersByTimeAsync(500);
    await Promise.all(both);
    expect(seen.map((it) => it?.render.counter)).toEqual([2]);
  });

  it("is taken away where the phone is full, and tried again until there is room", async () => {
    let full = false;
    const keeps = () => (full ? (new DOMException("full", "QuotaExceededError") as Error) : undefined);
    const { showing, bearer, failed, last } = screen({ keeps });
    await showing.renew(bearer);
    full = true;
    await vi.advanceTimersByTimeAsync(15_000);
    expect([last(), failed]).toEqual([undefined, ["full"]]);
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    expect(failed).toEqual(["full", "full"]);
    full = false;
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    expect(last()?.render.counter).toBe(2);
  });

  it("is tried again for nobody where the phone is full", async () => {
    const { showing, bearer, failed } = screen({ keeps: () => new DOMException("full", "QuotaExceededError") });
    await showing.renew(bearer);
    showing.hide();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(failed).toEqual(["full"]);
  });

  it("ends where no number is left, and is not tried again", async () => {
    const { showing, bearer, failed, last } = screen({ keeps: () => new CounterSpent("none") });
    await showing.renew(bearer);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([last(), failed]).toEqual([undefined, ["clock"]]);
  });

  it("hides no defect: what is neither the phone's nor the clock's is thrown", async () => {
    const { showing, bearer, failed } = screen({ keeps: () => new TypeError("a defect") });
    await expect(showing.renew(bearer)).rejects.toThrow("a defect");
    expect(failed).toEqual([]);
  });
});
