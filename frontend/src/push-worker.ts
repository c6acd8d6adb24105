// The service worker: shows what is pushed, and opens its page. It keeps no pages and answers
// no requests, so it can never show anything stale.

interface Shown {
  readonly title: string;
  readonly body: string;
  readonly url: string;
  readonly tag: string;
  readonly lang: string;
}

interface PushLike extends Event {
  readonly data: { json(): unknown } | null;
  readonly notification: Notification;
  waitUntil(what: Promise<unknown>): void;
}

interface WorkerLike {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: { openWindow(url: string): Promise<unknown> };
  addEventListener(kind: string, then: (event: PushLike) => void): void;
}

const worker = self as unknown as WorkerLike;

worker.addEventListener("push", (event) => {
  const shown = event.data?.json() as Shown | undefined;
  if (!shown) return;
  event.waitUntil(
    worker.registration.showNotification(shown.title, {
      body: shown.body,
      tag: shown.tag,
      lang: shown.lang,
      data: shown.url,
    }),
  );
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = String(event.notification.data ?? "/");
  event.waitUntil(worker.clients.openWindow(url));
});
