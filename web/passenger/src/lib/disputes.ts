// A charge that its rider says is wrong: told to the office once, and how it stands, in the backend's words.

import type { components } from "$generated/office";
import { DISPUTE_REASONS } from "$generated/tables";
import { call } from "./api";
import type { Registered } from "./store";

type Schemas = components["schemas"];
export type Dispute = Schemas["DisputeBody"];
export type Reason = keyof typeof DISPUTE_REASONS;
export const REASONS = Object.keys(DISPUTE_REASONS) as Reason[];

/** Dispute a tap of the receipts; told again under the same key it is the same one. */
export const openDispute = (
  it: Registered,
  key: string,
  body: { readonly tap: string; readonly reason: Reason; readonly words: string },
): Promise<Dispute> =>
  call("POST", `/v1/riders/${it.credentialId}/disputes`, body, it.token, { "Idempotency-Key": key });

/** The rider's own, the newest of them. */
export const ownDisputes = async (it: Registered): Promise<Dispute[]> =>
  (await call<Schemas["OwnDisputesBody"]>("GET", `/v1/riders/${it.credentialId}/disputes`, undefined, it.token))
    .disputes;
