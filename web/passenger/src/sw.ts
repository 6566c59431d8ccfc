// Keeps the app's files, so that it opens without a network. Rules:
// - a version's files come together or not at all, and are those of one build: the list and its digest are put in by
//   vite.passenger.config.ts;
// - what is of the app is answered from here and asked of nobody; what is not (the API) is never kept;
// - the reader of codes is fetched when a scan first wants it, and kept from then on: most phones have one of their
//   own, and without a network there is nothing to scan for;
// - a newer version waits until the page says that nobody looks.

declare const FILES: string[];
declare const LATER: string[];
declare const VERSION: string;

type Waits = { waitUntil(what: Promise<unknown>): void };
type Fetched = Waits & { request: Request; respondWith(what: Promise<Response>): void };
type Worker = {
  addEventListener(kind: "install" | "activate", listener: (event: Waits) => void): void;
  addEventListener(kind: "fetch", listener: (event: Fetched) => void): void;
  addEventListener(kind: "message", listener: (event: MessageEvent) => void): void;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  registration: { scope: string };
};
export {};
const worker = self as unknown as Worker;
const NAME = `savar-passenger-${VERSION}`;

/** All files, if the page is this build's: while files are copied to a server it may still be the one before. */
async function keep(): Promise<void> {
  const kept = await caches.open(NAME);
  await kept.addAll(FILES);
  const page = (await (await kept.match("./"))?.text()) ?? "";
  const named = page.match(/\.\/assets\/[^"]+/g) ?? [];
  if (named.length > 0 && named.every((file) => FILES.includes(file))) return;
  await caches.delete(NAME);
  throw new Error("the page is another build's");
}
worker.addEventListener("install", (event) => event.waitUntil(keep()));

worker.addEventListener("activate", (event) => {
  const tidy = async (): Promise<void> => {
    const old = (await caches.keys()).filter((name) => name.startsWith("savar-passenger-") && name !== NAME);
    await Promise.all(old.map((name) => caches.delete(name)));
    await worker.clients.claim();
  };
  event.waitUntil(tidy());
});

worker.addEventListener("message", (event) => {
  if (event.data === "take") void worker.skipWaiting();
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(worker.registration.scope)) return;
  const asked = request.mode === "navigate" ? worker.registration.scope : request.url;
  const answer = async (): Promise<Response> => {
    const kept = await caches.open(NAME);
    const held = await kept.match(asked, { ignoreSearch: true });
    if (held !== undefined) return held;
    const came = await fetch(request);
    // A phone that is full keeps none, and fetches it again.
    if (came.ok && LATER.some((file) => asked.endsWith(file.slice(1)))) event.waitUntil(kept.put(asked, came.clone()));
    return came;
  };
  event.respondWith(answer());
});
