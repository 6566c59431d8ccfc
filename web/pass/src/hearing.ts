// What a phone hears when somebody is reached who knows: the city's time, and whether a longer credential is due.

import { LIMITS } from "$generated/tables";
import { corrected, learn, provenTime, type Reading, type Told } from "./clock";
import { dayOf } from "./counter";
import { verify } from "./keys/webcrypto";
import type { Bytes } from "./protocol/bytes";
import type { Credential } from "./protocol/passes";
import { reading } from "./rendering";
import type { Store } from "./store";

/** Learn the time that `ask` brings, over a nonce of this phone's. Throws ContractError: not the issuer's. */
export async function hearTime(
  store: Store,
  issuerKey: Bytes,
  ask: (nonce: Bytes) => Promise<Told>,
  read: () => Reading = reading,
): Promise<void> {
  const nonce = crypto.getRandomValues(new Uint8Array(LIMITS.TIME_NONCE_BYTES));
  const asked = read();
  const told = await ask(nonce);
  const came = read();
  await provenTime(told, nonce, issuerKey, verify);
  const correction = learn(told, asked, came);
  await store.hear(correction === undefined ? {} : { correction, seenMs: told.time_ms });
}

/** Whether a longer credential is to be asked for now; once a day: who is denied gets none however often he asks. */
export async function renewalDue(
  store: Store,
  credential: Credential,
  read: () => Reading = reading,
): Promise<boolean> {
  const heard = await store.heard();
  const today = dayOf(corrected(read(), heard.correction) / 1000);
  if (credential.expiryDay - today >= LIMITS.CREDENTIAL_LEFT_DAYS || heard.renewedDay === today) return false;
  await store.hear({ renewedDay: today });
  return true;
}
