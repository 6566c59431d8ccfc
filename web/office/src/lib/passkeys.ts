// The browser's passkeys: options as the API gives them → what it takes back. Parts travel in base64url.

type Options = Record<string, unknown>;

function bytes(text: string): ArrayBuffer {
  const raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(raw, (char) => char.charCodeAt(0)).buffer;
}

function text(data: ArrayBuffer): string {
  const raw = Array.from(new Uint8Array(data), (byte) => String.fromCharCode(byte)).join("");
  return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

const named = (list: unknown): PublicKeyCredentialDescriptor[] =>
  ((list ?? []) as { id: string; type: "public-key" }[]).map((it) => ({ ...it, id: bytes(it.id) }));

/** Ask for a new passkey. Throws what the browser throws: the person said no, or has it already. */
export async function make(options: Options): Promise<{ client_data: string; attestation: string }> {
  const user = options["user"] as { id: string };
  const publicKey = {
    ...options,
    challenge: bytes(options["challenge"] as string),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: named(options["excludeCredentials"]),
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  return { client_data: text(response.clientDataJSON), attestation: text(response.attestationObject) };
}

export type Assertion = {
  credential_id: string;
  client_data: string;
  authenticator_data: string;
  signature: string;
};

/** Ask a passkey. Throws what the browser throws. */
export async function assert(options: Options): Promise<Assertion> {
  const publicKey = {
    ...options,
    challenge: bytes(options["challenge"] as string),
    allowCredentials: named(options["allowCredentials"]),
  } as unknown as PublicKeyCredentialRequestOptions;
  const said = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const response = said.response as AuthenticatorAssertionResponse;
  return {
    credential_id: text(said.rawId),
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
  };
}

export async function sha256(body: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
