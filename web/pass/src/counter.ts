// Which number a render has. Rules:
// - it counts the renders since local midnight;
// - no (second, counter) is ever used twice, whatever happens to the phone's clock: a reset needs a day that is newer
//   than any before, and behind a clock that was set back the number is higher than any that was used until then;
// - it is kept before the render is shown, in one transaction: two tabs are two renders.

import { LIMITS } from "$generated/tables";
import { COUNTER_MAX } from "./limits";

/** `lastS`: the newest second that was signed; `highest`: the highest counter of earlier days. */
export type Renders = { readonly lastS: number; readonly counter: number; readonly highest: number };

/** The phone's clock was years ahead, and more was shown than two bytes count. Setting it right does not undo that. */
export class CounterSpent extends Error {
  override readonly name = "CounterSpent";
}

/** Unix seconds → the local day since 1970-01-01. */
export const dayOf = (timeS: number): number => Math.floor((timeS + LIMITS.LOCAL_OFFSET_S) / LIMITS.DAY_S);

/** What is kept behind a render at this second. Throws CounterSpent. */
export function nextRender(before: Renders | undefined, timeS: number): Renders {
  if (before === undefined) return { lastS: timeS, counter: 1, highest: 0 };
  const highest = Math.max(before.highest, before.counter);
  const newer = timeS > before.lastS;
  if (newer && (dayOf(timeS) > dayOf(before.lastS) || before.counter >= COUNTER_MAX))
    return { lastS: timeS, counter: 1, highest };
  const back = dayOf(timeS) < dayOf(before.lastS);
  const counter = (back ? highest : before.counter) + 1;
  if (counter > COUNTER_MAX) throw new CounterSpent("no number is left for a render at this time");
  return { lastS: Math.max(before.lastS, timeS), counter, highest: before.highest };
}
