// The browser's own P-256. A key made here cannot be exported: a script that got in could use it, and not carry it off.

import { joined, type Bytes } from "../protocol/bytes";
import { compressed, lowS, toBeSigned, type Signer, type Verify } from "../protocol/keys";

const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const ECDSA = { name: "ECDSA", hash: "SHA-256" } as const;

/** A new key of this phone, not extractable; the pair goes into IndexedDB as it is. */
export const makeKey = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);

/** A pair's public half: the compressed point, 33 bytes. */
export async function publicOf(pair: CryptoKeyPair): Promise<Bytes> {
  return compressed(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
}

/** A pair as something that signs; `known`: its public half. */
export function signerOf(pair: CryptoKeyPair, known: Bytes): Signer {
  return {
    public: known,
    async sign(purpose, payload): Promise<Bytes> {
      const made = await crypto.subtle.sign(ECDSA, pair.privateKey, toBeSigned(purpose, payload));
      return lowS(new Uint8Array(made)); // it gives either s
    },
  };
}

export const verify: Verify = async (point, message, signature) => {
  const key = await crypto.subtle.importKey("raw", point, CURVE, false, ["verify"]);
  return crypto.subtle.verify(ECDSA, key, signature, message);
};

/** The first 8 bytes of its SHA-256 name a key; a credential points at its issuer by the first of them. */
export async function hintOf(key: Uint8Array): Promise<number> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(key)))[0]!;
}
