// Top-ups that this phone began, kept until their rider has seen how they ended. Rules:
// - what is asked is kept, under its idempotency key, before it is asked: told again it is the same top-up;
// - only the backend says "paid", after it has asked the provider; how the browser came back says nothing;
// - what is not known yet stays, also over a reload and without a network, and is asked about again.

import { TOPUP_ASKS_MS, TOPUPS_KEPT } from "./limits";

/** `id` and `payUrl`: as the backend answered; without them nobody can have paid. `ended`: as it verified. */
export type TopUp = {
  readonly key: string;
  readonly rials: number;
  readonly askedMs: number;
  readonly id?: string;
  readonly payUrl?: string;
  readonly ended?: "paid" | "failed" | "reversed";
};

export type Standing = "asked" | "pending" | "paid" | "failed" | "reversed";

/**
 * Ask for an amount → what is kept then, the one that is asked for first.
 *
 * One of this amount that has no answer yet is asked for again, under its own key; another that has none is dropped:
 * nobody got an address to pay it at. Of those that are open the oldest goes beyond `TOPUPS_KEPT`: its money still
 * comes into the wallet, for the backend goes on looking.
 */
export function asking(kept: readonly TopUp[], rials: number, nowMs: number, newKey: string): TopUp[] {
  const same = kept.find((it) => it.id === undefined && it.rials === rials && nowMs - it.askedMs < TOPUP_ASKS_MS);
  const asked = same ?? { key: newKey, rials, askedMs: nowMs };
  return [asked, ...kept.filter((it) => it.id !== undefined && it.ended === undefined)].slice(0, TOPUPS_KEPT);
}

/** With what the backend told of one; the others as they are. */
export const told = (kept: readonly TopUp[], key: string, change: Partial<TopUp>): TopUp[] =>
  kept.map((it) => (it.key === key ? { ...it, ...change } : it));

/** How it ended, if it has. "asked" and "pending" are not known yet. */
export const endOf = (status: Standing): TopUp["ended"] =>
  status === "asked" || status === "pending" ? undefined : status;

/** The address of the provider's page, if a browser may be sent there. */
export function payable(it: TopUp | undefined): string | undefined {
  const url = it?.payUrl;
  return url !== undefined && /^https?:\/\//.test(url) ? url : undefined;
}
