// The host's own server over HTTP, by the routes of docs/PARTNERS.md, under the session that the page has anyway.

import type { Host } from "./face";
import { SAID } from "./hosted_words";
import { ANSWER_MS } from "./limits";
import { PassError } from "./refusals";

type Problem = { status?: number; data?: { rider_fa?: string; rider_en?: string; ended?: boolean } };

const unreached = (path: string): PassError =>
  new PassError("HostUnreached", `no answer from ${path}`, "try again when there is a network", SAID.HostUnreached);

function refused(path: string, status: number, { status: meant, data = {} }: Problem): PassError {
  const [fa, en] = [data.rider_fa, data.rider_en];
  const words =
    fa === undefined || en === undefined
      ? SAID.HostRefused
      : { fa: { what: fa, next: "" }, en: { what: en, next: "" } };
  const facts = { status, ended: data.ended === true, meant: meant === status }; // no page of a server set up wrong
  return new PassError("HostRefused", `${path} answered ${status}`, "read the host's own log of it", words, facts);
}

/** `base`: a path of the page's own origin, with a slash at its end. Throws PassError: ForeignHost. */
export function hostServer(base = "/savar/"): Host {
  const root = new URL(base, location.href);
  if (root.origin !== location.origin)
    throw new PassError("ForeignHost", `${root.origin} is not the page's`, "route it over the host's own server");

  async function call<Answer>(path: string, body?: object): Promise<Answer> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), ANSWER_MS);
    const headers = { "Content-Type": "application/json" };
    const sent = body && { method: "POST", body: JSON.stringify(body), headers };
    let [status, told]: [number, unknown] = [0, undefined];
    try {
      // A redirect is a page to sign in on, or another's: neither is an answer.
      const answer = await fetch(new URL(path, root), { ...sent, redirect: "error", signal: stop.signal });
      [status, told] = [answer.status, await answer.json()];
    } catch {
      if (status === 0 || status < 400) throw unreached(path); // also what is no JSON: a hotel's page stands between
    } finally {
      clearTimeout(timer);
    }
    if (status >= 500) throw unreached(path);
    if (status >= 400) throw refused(path, status, (told ?? {}) as Problem);
    return told as Answer;
  }
  return {
    challenge: () => call("challenge"),
    register: (proven) => call("register", proven),
    pass: () => call("pass"),
    time: (nonce) => call(`time?nonce=${nonce}`),
    balance: () => call("balance"),
  };
}
