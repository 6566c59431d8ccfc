// What a rider should know before the door, the worst first. Each is a name that words are found by.

import { LOW_RIALS, EXPIRY_WARN_DAYS } from "./limits";

export type Warning =
  | "expired"
  | "spent"
  | "unconfirmed"
  | "expires-soon"
  | "clock-wrong"
  | "nearly-spent"
  | "low"
  | "not-kept";

/**
 * `confirmed`: the phone's clock is the one that was last held against signed time. `balanceRials`: as the backend last
 * told it, undefined if it never did. `kept`: the browser promised not to throw the key away.
 */
export type Facts = {
  readonly today: number;
  readonly expiryDay: number;
  readonly allowanceRials: number;
  readonly balanceRials: number | undefined;
  readonly confirmed: boolean;
  readonly clockWrong: boolean;
  readonly kept: boolean;
};

export function warningsOf(it: Facts): Warning[] {
  const found: Warning[] = [];
  const left = it.expiryDay - it.today;
  // What may be ridden beyond the wallet before no bus takes this phone: that is all that is lent to anybody.
  const lent = it.balanceRials === undefined ? it.allowanceRials : it.allowanceRials + Math.min(0, it.balanceRials);
  if (left < 0) found.push("expired");
  if (lent <= 0) found.push("spent");
  if (!it.confirmed) found.push("unconfirmed");
  if (left >= 0 && left < EXPIRY_WARN_DAYS) found.push("expires-soon");
  if (it.clockWrong) found.push("clock-wrong");
  if (lent > 0 && lent < LOW_RIALS) found.push("nearly-spent");
  else if (lent > 0 && it.balanceRials !== undefined && it.balanceRials < LOW_RIALS) found.push("low");
  if (!it.kept) found.push("not-kept");
  return found;
}
