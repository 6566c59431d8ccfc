// The life of this phone's account: a key, its registration, what the backend tells, and how it ends. Rules:
// - an account begins when its rider says so: a phone whose browser threw the key away looks like a new one, and a
//   key that has registered gets no lost account back;
// - registering again with the same key is harmless, and is how a lost token, a renewed credential and another issuer
//   key come; the answer is checked before it is kept;
// - without a network nothing here fails: what was told last stands.

import { hearTime as learnTime, renewalDue } from "@savar/pass/hearing";
import { signerOf } from "@savar/pass/keys/webcrypto";
import { fromHex, joined } from "@savar/pass/protocol/bytes";
import { ContractError } from "@savar/pass/protocol/errors";
import { readCredential } from "@savar/pass/protocol/passes";
import { checked } from "@savar/pass/rendering";
import * as api from "./api";
import type { Account, Claim, Registered, Store } from "./store";

/**
 * Register the key that is kept, or recover by it → the account as it is kept then.
 *
 * Throws Unreached, Refused (no account yet, and none is given), ContractError. A key whose credential has ended is no
 * error: `ended` says so.
 */
export async function registerAccount(store: Store, account: Account): Promise<Account> {
  const proven = await proofOf(account);
  let change: Partial<Account>;
  try {
    change = { registered: await checkedAnswer(account, await api.register(proven)) };
  } catch (error) {
    // Another refusal, as of a key that waits for its account, ends nothing: a desk may know this key already.
    if (!(error instanceof api.Refused) || error.words === undefined || !error.ended) throw error;
    change = { ended: error.words };
  }
  await store.change(account.public, change);
  return { ...account, ...change };
}

/** This key, and that it is held here, over a challenge that was asked for now. Throws Unreached. */
export async function proofOf(account: Account): Promise<api.Proven> {
  const signer = signerOf(account.pair, account.public);
  const challenge = await api.challenge();
  const proof = await signer.sign("REGISTRATION", joined(challenge, signer.public));
  return { public: signer.public, proof, challenge };
}

/** What came for this key, once it is known to be this key's and whole. Throws ContractError. */
export async function checkedAnswer(account: Account, told: api.RegisteredTold): Promise<Registered> {
  const [credential, issuerKey] = [fromHex(told.credential), fromHex(told.issuer_key)];
  await checked(credential, account.public, issuerKey);
  return { credentialId: told.credential_id, credential, token: told.token, issuerKey };
}

/** Hear what the backend has to tell: time, wallet, renewal, and whether this phone still carries the pass. */
export async function hear(store: Store, account: Account): Promise<Account> {
  let [now, again] = [account, false];
  const hearNumber = async (_: Store, it: Registered): Promise<boolean> => {
    const told = await known(() => api.phoneState(it.credentialId, it.token));
    if (told !== undefined) await store.keepClaim(account.public, claimOf(told));
    return told !== undefined;
  };
  for (const ask of [hearTime, hearBalance, hearNumber, hearRenewal]) {
    if (now.registered === undefined || now.ended !== undefined) return now;
    if (await ask(store, now.registered)) continue;
    if (again) return now;
    now = await registerAccount(store, now); // another issuer key, a lost token, an older credential, or the end
    again = true;
    if (now.registered !== undefined && now.ended === undefined) await ask(store, now.registered);
  }
  return now;
}

/** Each says false where registering again may bring what is missing. */
async function hearTime(store: Store, registered: Registered): Promise<boolean> {
  try {
    await learnTime(store, registered.issuerKey, api.tellTime);
    return true;
  } catch (error) {
    if (error instanceof ContractError) return false;
    throw error;
  }
}

async function hearBalance(store: Store, registered: Registered): Promise<boolean> {
  const balanceRials = await known(() => api.balance(registered.credentialId, registered.token));
  if (balanceRials !== undefined) await store.hear({ balanceRials });
  return balanceRials !== undefined;
}

/** Who else wants this account: by its number on another phone, or its number for another account. */
const claimOf = (told: api.PhoneTold): Claim | undefined =>
  told.recovery !== null ? "account" : told.leaves_ms !== null ? "number" : undefined;

/** The answer; undefined where the token opens it no more. */
async function known<Told>(ask: () => Promise<Told>): Promise<Told | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof api.Refused && [401, 403].includes(error.status)) return undefined;
    throw error;
  }
}

async function hearRenewal(store: Store, registered: Registered): Promise<boolean> {
  return !(await renewalDue(store, readCredential(registered.credential)));
}
