// The phone's half of the contract by itself, for an app that has a key and a screen of its own.

export * from "./keys/webcrypto";
export * from "./protocol/bytes";
export * from "./protocol/codes";
export * from "./protocol/errors";
export * from "./protocol/grants";
export * from "./protocol/keys";
export * from "./protocol/passes";
export * from "./protocol/qr";
export * from "./protocol/vehicle_codes";
