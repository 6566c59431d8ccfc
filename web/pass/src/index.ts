// The public face of @savar/pass: README.md says how a host's page uses it. Nothing happens when it is imported.

export type * from "./face";
export { hostServer } from "./host_server";
export { createPass } from "./pass";
export { PassError, type PassErrorName, type RiderWords } from "./refusals";
