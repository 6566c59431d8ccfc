// What is refused, by the names of docs/PROTOCOL.md: the same words as in Python, so the golden vectors hold both.

export type ErrorName =
  | "BadKey"
  | "BadSignature"
  | "DamagedCode"
  | "HighSSignature"
  | "MissingSignature"
  | "NotAFareCode"
  | "OutOfRange"
  | "TooLarge"
  | "UnknownIssuer"
  | "UnknownVersion"
  | "WrongLength"
  | "WrongType";

/** Bytes that break the contract, or a proof that does not hold. `data` has the facts and never a secret. */
export class ContractError extends Error {
  constructor(
    override readonly name: ErrorName,
    message: string,
    readonly data: Record<string, number | string> = {},
  ) {
    super(message);
  }
}
