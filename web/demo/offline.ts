/**
 * The page's service worker: keeps the site's files, so that a second visit loads nothing and works
 * without a network. It also isolates the page, which threads need, on hosts that send no headers.
 */

declare const FILES: readonly string[]; // addresses below this one; written by build.mjs
declare const VERSION: string; // changes with any of them

interface Lasting extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Fetching extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
const scope = self as unknown as {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(name: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(name: "fetch", listener: (event: Fetching) => void): void;
};

const CACHE = `tfpose-live-${VERSION}`;
const LARGE = /^(models|wasm)\//; // kept when they are first used, not all at once

scope.addEventListener("install", (event) => event.waitUntil(install()));
scope.addEventListener("activate", (event) => event.waitUntil(activate()));
scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const name = nameOf(request.url);
  if (request.method === "GET" && name !== null) event.respondWith(answer(name));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.filter((name) => !LARGE.test(name)));
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith("tfpose-live-") && name !== CACHE) await caches.delete(name);
  }
  await scope.clients.claim();
}

/** The file's name below the page, or null for what is none of this site's. */
function nameOf(address: string): string | null {
  const base = scope.registration.scope;
  const plain = address.split(/[?#]/)[0];
  if (!plain.startsWith(base)) return null;
  const name = plain.slice(base.length) || "index.html";
  return FILES.includes(name) ? name : null;
}

async function answer(name: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  const address = new URL(name, scope.registration.scope).href;
  let found = await cache.match(address);
  if (!found) {
    found = await fetch(address);
    if (found.ok) await cache.put(address, found.clone());
  }
  const headers = new Headers(found.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}
