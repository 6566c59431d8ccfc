// What makes a code: a key that is kept, a credential that is this key's, the city's time, and a number kept before.

import { corrected, holds, isWrong, type Reading } from "./clock";
import { hintOf, makeKey, publicOf, verify } from "./keys/webcrypto";
import { hex, same, type Bytes } from "./protocol/bytes";
import { ContractError } from "./protocol/errors";
import type { Signer } from "./protocol/keys";
import { readCredential, renderPass, verifyCredential, type Credential, type Form } from "./protocol/passes";
import type { Account, Store } from "./store";

export const reading = (): Reading => ({ nowMs: Date.now(), zoneMin: new Date().getTimezoneOffset() });

/** One render in both forms, to be shown in turn. */
export type Render = { readonly forms: Record<Form, Bytes>; readonly timeS: number; readonly counter: number };

/** A key of this phone's own, kept; the one that is kept where another tab was faster. */
export async function beginAccount(store: Store): Promise<Account> {
  const pair = await makeKey();
  return store.begin({ pair, public: await publicOf(pair) });
}

/** A public key as a desk types it: hex, by sixes. */
export const deskDigits = (key: Bytes): string => hex(key).replace(/(.{6})(?=.)/g, "$1 ");

/** The credential that came, if it is whole. Throws ContractError. */
export async function issued(raw: Bytes, issuerKey: Bytes): Promise<Credential> {
  const hint = await hintOf(issuerKey);
  // One of an earlier issuer's is signed by a key that this phone was never told: its shape is held.
  return raw[1] === hint ? verifyCredential(raw, [{ public: issuerKey, hint }], verify) : readCredential(raw);
}

/** The credential that came, if it is this phone's and whole. Throws ContractError. */
export async function checked(raw: Bytes, holder: Bytes, issuerKey: Bytes): Promise<Credential> {
  const credential = await issued(raw, issuerKey);
  if (!same(credential.holder, holder)) throw new ContractError("BadKey", "a credential of another phone's key");
  return credential;
}

/** The time by which codes are signed, and whether its clock is the one that was last held against signed time. */
export async function cityTime(
  store: Store,
  read: () => Reading = reading,
): Promise<{ ms: number; confirmed: boolean; wrong: boolean }> {
  const [{ correction, seenMs }, now] = [await store.heard(), read()];
  if (correction === undefined) return { ms: now.nowMs, confirmed: false, wrong: false };
  if (holds(correction, now, seenMs ?? 0))
    return { ms: corrected(now, correction), confirmed: true, wrong: isWrong(correction) };
  await store.dropCorrection();
  return { ms: now.nowMs, confirmed: false, wrong: false };
}

/** Sign one render in both forms; its number is kept before. Throws CounterSpent, ContractError, DOMException. */
export async function render(
  store: Pick<Store, "countRender">,
  credential: Credential,
  signer: Signer,
  timeMs: number,
  party: number,
): Promise<Render> {
  const timeS = Math.floor(timeMs / 1000);
  const counter = await store.countRender(timeS);
  const at = { timeS, counter, party };
  const [short, long] = await Promise.all([
    renderPass("short", credential, signer, at),
    renderPass("long", credential, signer, at),
  ]);
  return { forms: { short, long }, timeS, counter };
}
