// Web Push: this browser on, or off again (W3C Push API). Where it cannot be, nothing shows.

export interface PushWords {
  readonly pushOn: string;
  readonly pushDenied: string;
  readonly pushFailed: string;
}

interface PushConfig {
  readonly key: string;
  readonly subscribe: string;
  readonly worker: string;
}

/** Offer the button of the settings page, and end this browser's subscription at log-out. */
export async function pushes(words: PushWords): Promise<void> {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return;
  leaveWithAccount();
  const place = document.getElementById("push");
  const config = JSON.parse(
    document.getElementById("push-config")?.textContent ?? "null",
  ) as PushConfig | null;
  const form = place?.querySelector("form");
  const said = document.getElementById("push-said");
  if (!place || !form || !said || !config) return;
  place.hidden = false;
  const registration = await navigator.serviceWorker.getRegistration("/");
  if (await registration?.pushManager.getSubscription()) {
    form.hidden = true;
    said.textContent = words.pushOn;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    turnOn(config, form).then(
      (granted) => {
        form.hidden = granted;
        said.textContent = granted ? words.pushOn : words.pushDenied;
        if (granted) location.reload();
      },
      () => (said.textContent = words.pushFailed),
    );
  });
}

async function turnOn(config: PushConfig, form: HTMLFormElement): Promise<boolean> {
  if ((await Notification.requestPermission()) !== "granted") return false;
  const registration = await navigator.serviceWorker.register(config.worker, { scope: "/" });
  await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: config.key,
  });
  const answer = await send(form, subscription.toJSON());
  if (!answer.ok) {
    await subscription.unsubscribe();
    throw new Error(`${answer.status}`);
  }
  return true;
}

/** Pushes are a person's, not a browser's: who logs out here is told nothing here any more. */
function leaveWithAccount(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-log-out]")) {
    let left = false;
    form.addEventListener("submit", (event) => {
      if (left) return;
      event.preventDefault();
      left = true;
      const gone = forget(form).catch(() => undefined);
      const patience = new Promise((done) => window.setTimeout(done, 1_500));
      void Promise.race([gone, patience]).then(() => form.submit());
    });
  }
}

async function forget(form: HTMLFormElement): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration("/");
  const subscription = await registration?.pushManager.getSubscription();
  if (!subscription) return;
  await send(form, { off: subscription.endpoint });
  await subscription.unsubscribe();
}

function send(form: HTMLFormElement, what: unknown): Promise<Response> {
  const token = form.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]");
  return fetch(form.dataset["pushes"] ?? form.action, {
    method: "POST",
    credentials: "same-origin",
    keepalive: true,
    headers: { "Content-Type": "application/json", "X-CSRFToken": token?.value ?? "" },
    body: JSON.stringify(what),
  });
}
