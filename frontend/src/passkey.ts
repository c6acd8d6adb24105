// Passkeys (WebAuthn): a form with data-passkey="get" or "create" asks the browser for a credential,
// puts it into its field `credential` and is sent. The options come from the JSON block that
// data-options names, else from the form's own address.

import { fromBase64url, toBase64url } from "./base64url.ts";

type Json = Record<string, unknown>;

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-passkey]")) {
  if (typeof PublicKeyCredential !== "function") continue;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void go(form);
  });
}

async function go(form: HTMLFormElement): Promise<void> {
  const failed = form.querySelector<HTMLElement>("[role=alert]");
  if (failed) failed.hidden = true;
  try {
    const options = await optionsOf(form);
    const credential =
      form.dataset["passkey"] === "create" ? await create(options) : await get(options);
    const field = form.elements.namedItem("credential");
    if (!(field instanceof HTMLInputElement)) throw new Error("the form has no field for it");
    field.value = JSON.stringify(credential);
    form.submit();
  } catch {
    if (failed) failed.hidden = false;
  }
}

async function optionsOf(form: HTMLFormElement): Promise<Json> {
  const block = document.getElementById(form.dataset["options"] ?? "");
  let told: Json;
  if (block) {
    told = JSON.parse(block.textContent ?? "{}") as Json;
  } else {
    const answer = await fetch(form.action, {
      headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" },
    });
    if (!answer.ok) throw new Error(`the site answers ${answer.status}`);
    told = (await answer.json()) as Json;
  }
  const wrapped = (told["request_options"] ?? told["creation_options"] ?? told) as Json;
  return (wrapped["publicKey"] ?? wrapped) as Json;
}

function described(list: unknown): PublicKeyCredentialDescriptor[] {
  return ((list ?? []) as Json[]).map((one) => ({
    ...(one as unknown as PublicKeyCredentialDescriptor),
    id: fromBase64url(String(one["id"])),
  }));
}

async function create(options: Json): Promise<Json> {
  const user = options["user"] as Json;
  const publicKey = {
    ...options,
    challenge: fromBase64url(String(options["challenge"])),
    user: { ...user, id: fromBase64url(String(user["id"])) },
    excludeCredentials: described(options["excludeCredentials"]),
    authenticatorSelection: {
      ...(options["authenticatorSelection"] as Json | undefined),
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    },
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential | null;
  if (!made) throw new Error("nothing was made");
  const answer = made.response as AuthenticatorAttestationResponse;
  return {
    ...common(made),
    response: {
      clientDataJSON: toBase64url(answer.clientDataJSON),
      attestationObject: toBase64url(answer.attestationObject),
      transports: answer.getTransports?.() ?? [],
    },
  };
}

async function get(options: Json): Promise<Json> {
  const publicKey = {
    ...options,
    challenge: fromBase64url(String(options["challenge"])),
    allowCredentials: described(options["allowCredentials"]),
  } as unknown as PublicKeyCredentialRequestOptions;
  const found = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential | null;
  if (!found) throw new Error("nothing was chosen");
  const answer = found.response as AuthenticatorAssertionResponse;
  return {
    ...common(found),
    response: {
      clientDataJSON: toBase64url(answer.clientDataJSON),
      authenticatorData: toBase64url(answer.authenticatorData),
      signature: toBase64url(answer.signature),
      userHandle: answer.userHandle ? toBase64url(answer.userHandle) : null,
    },
  };
}

function common(credential: PublicKeyCredential): Json {
  return {
    id: credential.id,
    rawId: toBase64url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? null,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}
