// Calls to the backend's API. Shapes are generated from its OpenAPI document.

import type { components } from "$generated/office";
import { assert, make, sha256 } from "./passkeys";

type Schemas = components["schemas"];
export type Me = Schemas["MeBody"];
export type Sessions = Schemas["SessionsBody"];
export type Proposal = Schemas["ProposalBody"];
const ANSWER_MS = 15_000;
const PAGE = 500; // the most that the API gives at once
const LOOKED_BACK_MS = 30 * 86_400_000; // one lapses after a fortnight; this desk's clock may be days off

/** What was refused or failed, by the name that words are found by: `sign-in-refused`. */
export class Refused extends Error {
  constructor(
    override readonly name: string,
    readonly waitMs = 0,
  ) {
    super(name);
  }
}

async function call<Answer>(
  method: "GET" | "POST",
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body ?? null,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch {
    throw new Refused("unreached");
  }
  const told = (await answer.json().catch(() => ({}))) as { type?: string; data?: { wait_ms?: number } };
  if (answer.ok) return told as Answer;
  throw new Refused(told.type?.replace("urn:savar:problem:", "") ?? "other", told.data?.wait_ms);
}

const post = <Answer>(path: string, body?: object): Promise<Answer> =>
  call<Answer>("POST", path, body === undefined ? undefined : JSON.stringify(body));

/** The browser's own no: the person closed its window, or it has no passkey for us. */
async function asked<Answer>(passkey: Promise<Answer>): Promise<Answer> {
  try {
    return await passkey;
  } catch (error) {
    throw new Refused(error instanceof DOMException && error.name === "InvalidStateError" ? "held" : "no-passkey");
  }
}

export const me = (): Promise<Me> => call<Me>("GET", "/v1/staff/me");
export const sessions = (): Promise<Sessions> => call<Sessions>("GET", "/v1/staff/sessions");
export const endSession = (name: string): Promise<unknown> => post(`/v1/staff/sessions/${name}/end`);
export const endAll = (): Promise<unknown> => post("/v1/staff/sessions/end");

/** All that wait, newest first: a busy fortnight has more than a page. */
export async function waiting(): Promise<Proposal[]> {
  const found: Proposal[] = [];
  for (let before = ""; ; ) {
    const page = await call<Schemas["ProposalsBody"]>("GET", `/v1/proposals?limit=${PAGE}${before}`);
    found.push(...page.proposals.filter((it) => it.state === "open"));
    const oldest_ms = page.proposals.at(-1)?.proposed_ms ?? 0;
    if (page.next_before === null || oldest_ms < Date.now() - LOOKED_BACK_MS) return found;
    before = `&before=${page.next_before}`;
  }
}

/** Make a passkey by an invitation. */
export async function makePasskey(code: string, label: string): Promise<void> {
  const { options } = await post<Schemas["OptionsBody"]>("/v1/staff/passkeys/options", { code });
  await post("/v1/staff/passkeys", { code, label, ...(await asked(make(options))) });
}

export async function signIn(): Promise<Me> {
  const { options } = await post<Schemas["OptionsBody"]>("/v1/staff/sign-in/options");
  return post<Me>("/v1/staff/sign-in", await asked(assert(options)));
}

/** Hex without a digit: sixteen in a row may look like a bank card's number, which the API takes nowhere. */
const lettered = (hex: string): string => hex.replace(/[0-9]/g, (digit) => "ghijklmnop".charAt(Number(digit)));

/** What takes a passkey for this very request. `form`: sent again from it, the same content is done once. */
export async function act<Answer>(target: string, content: object, form?: string): Promise<Answer> {
  const body = JSON.stringify(content);
  const once = form === undefined ? {} : { "Idempotency-Key": lettered(await sha256(`${form}|${body}`)).slice(0, 32) };
  const request = { method: "POST", target, body_sha256: await sha256(body) };
  const { options } = await post<Schemas["OptionsBody"]>("/v1/staff/acts", request);
  const said = await asked(assert(options));
  const answer = [said.credential_id, said.client_data, said.authenticator_data, said.signature].join(".");
  return call<Answer>("POST", target, body, { "Savar-Assertion": answer, ...once });
}

export const decide = (it: Proposal, verdict: "approve" | "refuse"): Promise<Proposal> =>
  act<Proposal>(`/v1/proposals/${it.id}/${verdict}`, { digest: it.digest });
