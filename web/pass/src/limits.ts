// Every limit of this package, with its unit and reason. Those of the contract come from protocol/ by the generated
// tables.

export const ANSWER_MS = 10_000; // an answer later than this is none: the rider stands at the door
export const SYNC_EVERY_MS = 5 * 60_000; // while the app is open: a clock that is set meanwhile is noticed by then
export const ROUND_TRIP_MAX_MS = 4_000; // a time told slower than this says too little: half of it is the doubt
export const CLOCK_WRONG_MS = 30_000; // FRESH_WINDOW_S: beyond it a code would be refused, were it not corrected
export const SET_BACK_MS = 2_000; // further behind the newest render than this: the clock was set back
export const CODE_OFF_MS = 2_000; // a code that is shown was signed by a time off by more: it is signed anew at once
export const AGAIN_MS = 3_000; // a code that could not be kept is tried again: room may have been made meanwhile
export const COUNTER_MAX = 65_534; // two bytes, and 65,535 means a printed ticket between two doors
export const EXPIRY_WARN_DAYS = 14; // time to find a network before no bus takes the credential
export const LOW_RIALS = 150_000; // two fares and a companion's, at the 60,000 or so that a city bus costs
