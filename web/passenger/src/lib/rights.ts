// What a rider may ask of the office about his account: all of it as a file, its end, a reduced class, who holds it.

import type { components } from "$generated/office";
import type { PAPERS } from "$generated/tables";
import { call, Unreached } from "./api";
import { EXPORT_MS } from "./limits";
import type { Registered } from "./store";

type Schemas = components["schemas"];
export type Closing = Schemas["ClosingBody"];
export type Applications = Schemas["OwnApplicationsBody"];
export type Application = Schemas["ApplicationBody"];
export type Guardians = Schemas["GuardiansBody"];
export type Held = Schemas["HeldBody"];
export type Paper = keyof typeof PAPERS;
const of = (it: Registered, path: string): string => `/v1/riders/${it.credentialId}/${path}`;
const get = <Told>(it: Registered, path: string): Promise<Told> => call("GET", of(it, path), undefined, it.token);

/** Close the account, for good; safe to repeat. */
export const closeAccount = (it: Registered): Promise<Closing> => call("POST", of(it, "close"), {}, it.token);
export const closingOf = (it: Registered): Promise<Closing> => get(it, "closing");

/** All that is held of the rider, as one JSON document. Throws Unreached, also where it was cut off. */
export async function exported(it: Registered): Promise<Blob> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), EXPORT_MS);
  try {
    const headers = { Authorization: `Bearer ${it.token}` };
    const answer = await fetch(of(it, "export"), { headers, signal: stop.signal });
    const text = await answer.text();
    if (!answer.ok || (JSON.parse(text) as { complete?: boolean }).complete !== true) throw new Unreached("export");
    return new Blob([text], { type: "application/json" });
  } catch {
    throw new Unreached("export"); // no network, another's page, or a document that ends within itself
  } finally {
    clearTimeout(timer);
  }
}

export const applications = (it: Registered): Promise<Applications> => get(it, "concessions");

export type Asked = {
  readonly rider_class: number;
  readonly documents: readonly { readonly paper: Paper; readonly issuer: string; readonly reference: string }[];
};
/** Ask for a class; told again under the same key it is the same application. */
export const apply = (it: Registered, key: string, asked: Asked): Promise<Application> =>
  call("POST", of(it, "concessions"), asked, it.token, { "Idempotency-Key": key });

export const withdraw = (it: Registered, id: string): Promise<Application> =>
  call("POST", of(it, `concessions/${id}/withdraw`), {}, it.token);

export const guardians = (it: Registered): Promise<Guardians> => get(it, "guardians");

/** Either side ends it, of a ward of age. */
export const endGuardian = (it: Registered, other: string): Promise<Guardians> =>
  call("POST", of(it, `guardians/${other}/end`), {}, it.token);

/** Give a ward whole rials of the own wallet; told again under the same key it is given once. */
export const giveWard = (it: Registered, ward: string, rials: number, key: string): Promise<Schemas["GivenBody"]> =>
  call("POST", of(it, `wards/${ward}/topups`), { amount_rials: rials }, it.token, { "Idempotency-Key": key });
