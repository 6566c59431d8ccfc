// Calls to the on-board API. Shapes are generated from its OpenAPI document.

import type { components } from "$generated/onboard";

export type View = components["schemas"]["View"];
export type PanelView = components["schemas"]["PanelView"];
export type SeenView = components["schemas"]["SeenView"];
export type LineView = components["schemas"]["LineView"];
export type DoorView = components["schemas"]["DoorView"];
export type SignInOrder = components["schemas"]["SignIn"];
type Orders = {
  "sign-in": SignInOrder;
  serve: components["schemas"]["Line"];
  "free-ride": components["schemas"]["FreeRideOrder"];
  proxy: components["schemas"]["ProxyOrder"];
  annul: components["schemas"]["AnnulOrder"];
  report: components["schemas"]["Report"];
  end: null;
  leave: null;
};
const ANSWER_MS = 8_000; // scrypt on a small board takes a quarter of a second; beyond this the device is gone

/** What was refused or failed, by the name that words are found by. */
export class Refused extends Error {
  constructor(
    override readonly name: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** Every line that the bus may serve; the likely ones alone if the device does not answer. */
export async function allLines(): Promise<LineView[]> {
  try {
    const answer = await fetch("/v1/lines", { signal: AbortSignal.timeout(ANSWER_MS) });
    return answer.ok ? ((await answer.json()) as LineView[]) : [];
  } catch {
    return [];
  }
}

export type Answer = "done" | "asked";

/** Give an order; "asked": another door has yet to answer, and the state will say so. Throws Refused. */
export async function order<Name extends keyof Orders>(name: Name, body: Orders[Name]): Promise<Answer> {
  let answer: Response;
  try {
    answer = await fetch(`/v1/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: body === null ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch (error) {
    throw new Refused("Unreached", String(error));
  }
  if (answer.ok) return answer.status === 202 ? "asked" : "done";
  const problem = (await answer.json().catch(() => ({}))) as { name?: string; detail?: string };
  throw new Refused(problem.name ?? "Other", problem.detail ?? answer.statusText);
}
