// Calls to the backend's documented API. Shapes are generated from its OpenAPI document.

import type { components } from "$generated/office";
import { fromHex, hex, type Bytes } from "@savar/pass/protocol/bytes";
import type { Told } from "@savar/pass/clock";
import { ANSWER_MS } from "@savar/pass/limits";
import type { Words } from "./store";

type Schemas = components["schemas"];
export type TopUpTold = Schemas["TopUpBody"];
export type Receipt = Schemas["ReceiptBody"];
export type RegisteredTold = Schemas["RegisteredBody"];
export type PhoneTold = Schemas["PhoneBody"];
export type SeenVehicle = Schemas["SeenVehicleBody"];
export type GrantTold = Schemas["GrantBody"];

/** Nobody answered: no network, or a backend that is away. `problem`: what a backend that answered says it lacks. */
export class Unreached extends Error {
  constructor(
    path: string,
    readonly problem?: string,
  ) {
    super(path);
  }
}

/** The backend understood and said no. `words`: what it tells the rider, if it does. `ended`: this key's pass has. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: string,
    readonly words?: Words,
    readonly ended = false,
  ) {
    super(`${status} ${problem}`);
  }
}

/** Ask the backend. Throws Unreached, Refused. */
export async function call<Answer>(
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: object,
  token?: string,
  more: Record<string, string> = {},
): Promise<Answer> {
  const headers = { ...more };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ANSWER_MS);
  let answer: Response;
  let told: { type?: string; data?: { rider_fa?: string; rider_en?: string; ended?: boolean } };
  try {
    answer = await fetch(path, { method, headers, body: body ? JSON.stringify(body) : null, signal: stop.signal });
    told = (await answer.json()) as typeof told;
  } catch {
    throw new Unreached(path); // also what is no JSON: a hotel's page stands between
  } finally {
    clearTimeout(timer);
  }
  if (answer.ok) return told as Answer;
  const problem = told.type?.replace("urn:savar:problem:", "") ?? "other";
  if (answer.status >= 500) throw new Unreached(path, problem);
  const { rider_fa: fa, rider_en: en } = told.data ?? {};
  const words = fa === undefined || en === undefined ? undefined : { fa, en };
  throw new Refused(answer.status, problem, words, told.data?.ended === true);
}

export type Proven = { readonly public: Bytes; readonly proof: Bytes; readonly challenge: Bytes };

export async function challenge(): Promise<Bytes> {
  return fromHex((await call<Schemas["ChallengeBody"]>("POST", "/v1/riders/challenges")).challenge);
}

export const provenBody = (it: Proven): object => ({
  public_key: hex(it.public),
  proof: hex(it.proof),
  challenge: hex(it.challenge),
});

export const register = (it: Proven): Promise<RegisteredTold> => call("POST", "/v1/riders", provenBody(it));

/** How the account stands to a telephone number, and who else wants either. */
export const phoneState = (credentialId: string, token: string): Promise<PhoneTold> =>
  call("GET", `/v1/riders/${credentialId}/phone`, undefined, token);

export const tellTime = (nonce: Bytes): Promise<Told> => call<Told>("GET", `/v1/time?nonce=${hex(nonce)}`);

export async function balance(credentialId: string, token: string): Promise<number> {
  const path = `/v1/riders/${credentialId}/balance`;
  return (await call<Schemas["BalanceBody"]>("GET", path, undefined, token)).balance_rials;
}

/** Start a top-up of whole rials; told again under the same key it is the same one. */
export const startTopUp = (credentialId: string, token: string, rials: number, key: string): Promise<TopUpTold> =>
  call("POST", `/v1/riders/${credentialId}/topups`, { amount_rials: rials }, token, { "Idempotency-Key": key });

/** How a top-up stands, after the backend has asked the provider. Throws Unreached where nothing is known. */
export const settleTopUp = (id: string, token: string): Promise<TopUpTold> =>
  call("POST", `/v1/topups/${id}/settle`, undefined, token);

/** Charged boardings, newest first; `before`: `next` of the answer before, null for the newest. */
export const receipts = (
  credentialId: string,
  token: string,
  before: string | null,
): Promise<Schemas["ReceiptsBody"]> =>
  call("GET", `/v1/riders/${credentialId}/receipts${before === null ? "" : `?before=${before}`}`, undefined, token);

/** What a scanned bus is, by what stands behind `#` in its code; in a body: no path says who stood before which bus. */
export const seenVehicle = (written: string): Promise<SeenVehicle> =>
  call("POST", "/v1/vehicle-codes", { code: written });

/** Board by a signed request; the same again is the same grant. */
export const askGrant = (
  credentialId: string,
  token: string,
  written: string,
  request: Bytes,
): Promise<GrantTold> =>
  call("POST", `/v1/riders/${credentialId}/grants`, { code: written, request: hex(request) }, token);
