// An old proposal waits behind a page of newer ones that are decided: the office is shown it all the same.
import { afterEach, expect, it, vi } from "vitest";
import { act, waiting } from "../office/src/lib/api";

afterEach(() => vi.unstubAllGlobals());

const DAY_MS = 86_400_000;
const ago = (days: number): number => Date.now() - days * DAY_MS;
const one = (id: string, state: string, days: number): object => ({ id, state, proposed_ms: ago(days) });

function served(pages: Record<string, object>): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return { ok: true, json: async () => pages[/before=([0-9]+)/.exec(path)?.[1] ?? ""] };
  });
  return asked;
}

it("shows what waits behind a page of decided ones", async () => {
  served({
    "": { proposals: [one("c", "open", 0), one("b", "approved", 1)], next_before: 7 },
    "7": { proposals: [one("a", "open", 9)], next_before: null },
  });
  expect((await waiting()).map((it) => it.id)).toEqual(["c", "a"]);
});

it("does not read years of decided ones", async () => {
  const asked = served({ "": { proposals: [one("b", "approved", 31)], next_before: 7 } });
  expect(await waiting()).toEqual([]);
  expect(asked).toHaveLength(1);
});

it("sends a form again under the same key, and another content or form under another", async () => {
  const keys: (string | undefined)[] = [];
  const bytes = new ArrayBuffer(1);
  const said = { rawId: bytes, response: { clientDataJSON: bytes, authenticatorData: bytes, signature: bytes } };
  vi.stubGlobal("navigator", { credentials: { get: async () => said } });
  vi.stubGlobal("fetch", async (path: string, sent: { headers: Record<string, string> }) => {
    if (path !== "/v1/staff/acts") keys.push(sent.headers["Idempotency-Key"]);
    return { ok: true, json: async () => ({ options: { challenge: "AA" } }) };
  });
  for (const [content, form] of [[1, "a"], [1, "a"], [2, "a"], [1, "b"], [1, undefined]] as const)
    await act("/v1/proposals/for/postings", { content }, form);
  expect(keys[0]).toMatch(/^[a-p]{32}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(new Set(keys).size).toBe(4);
  expect(keys[4]).toBeUndefined();
});
