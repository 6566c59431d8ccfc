// A rider's telephone number: a code to it, binding it, and the account on a new phone by it. It is kept nowhere here.

import type { components } from "$generated/office";
import { LIMITS } from "$generated/tables";
import { asciiDigits } from "../../../onboard/src/lib/numbers";
import { call, provenBody, type PhoneTold, type Proven } from "./api";
import { NUMBER_DIGITS_MAX, NUMBER_DIGITS_MIN } from "./limits";
import type { Registered } from "./store";

type Schemas = components["schemas"];
type Sent = Schemas["backend__adapters__http__phone_routes__CodeBody"];
export type Purpose = "bind" | "sign-in";
export type NumberProof = { readonly number: string; readonly code: string };

/** As the backend takes it, Latin digits, whatever was typed; undefined where that can be no number. */
export function numberTyped(typed: string): string | undefined {
  const digits = asciiDigits(typed);
  const plus = typed.trim().startsWith("+") ? "+" : "";
  const fits = digits.length >= NUMBER_DIGITS_MIN && digits.length <= NUMBER_DIGITS_MAX;
  return fits ? plus + digits : undefined;
}

/** The digits of a code, Latin; undefined where there are not as many as a code has. */
export function codeTyped(typed: string): string | undefined {
  const digits = asciiDigits(typed);
  return digits.length === LIMITS.PHONE_CODE_DIGITS ? digits : undefined;
}

export const sendCode = (number: string, purpose: Purpose): Promise<Sent> =>
  call("POST", "/v1/riders/phone/codes", { number, for: purpose });

export const bindNumber = (it: Registered, proof: NumberProof): Promise<PhoneTold> =>
  call("POST", `/v1/riders/${it.credentialId}/phone`, proof, it.token);

/** The number is given up, and whoever waits for the account by it gets nothing. */
export const giveNumberUp = (it: Registered): Promise<PhoneTold> =>
  call("DELETE", `/v1/riders/${it.credentialId}/phone`, undefined, it.token);

export const signIn = (proof: NumberProof, key: Proven): Promise<Schemas["SignInBody"]> =>
  call("POST", "/v1/riders/phone/sign-in", { ...proof, ...provenBody(key) });
