// Every limit of this app, with its unit and reason. What a code goes by is in @savar/pass; the contract's come from
// protocol/ by the generated tables.

export const TOPUP_AMOUNTS_RIALS = [200_000, 500_000, 1_000_000, 2_000_000]; // some 3 to 30 fares: four large buttons
export const TOPUP_ASKS_MS = 10 * 60_000; // a start without an answer: later than this, providers' addresses are over
export const TOPUP_AGAIN_MS = 10_000; // while a screen waits for how a top-up ended: a bank is rarely quicker
export const TOPUPS_KEPT = 5; // who begins more than these and pays each finds the older ones in his balance
export const TRIPS_KEPT = 60; // for reading without a network: three answers of the backend, a month of a commuter's
export const EXPORT_MS = 120_000; // the whole of a rider, over a poor line
export const NUMBER_DIGITS_MIN = 10; // 9121234567: with fewer nobody is asked for a code
export const NUMBER_DIGITS_MAX = 14; // 00989121234567
export const CODE_HASH_MIN_CHARS = 80; // an address's `#…` longer than this is a vehicle code, of 110 or more
