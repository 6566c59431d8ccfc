// What a door shows for a verdict and its reason: rows of the generated tables.

import { BY_REASON, VERDICTS } from "$generated/tables";

export type Row = (typeof VERDICTS)[keyof typeof VERDICTS] | (typeof BY_REASON)[keyof typeof BY_REASON];

/** What a door says while everybody rides free. */
export const FREE = VERDICTS[16];

/** A verdict newer than this page is shown as one that the driver should look at. */
export function row(verdict: number, reason: number): Row {
  const exact = (BY_REASON as Record<string, Row>)[`${verdict}/${reason}`];
  return exact ?? (VERDICTS as Record<number, Row>)[verdict] ?? VERDICTS[11];
}
