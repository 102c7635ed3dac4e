// Keeps the site for use without a network: what is asked for is taken from the cache, and put there when it is not.
const CACHE = "graphcost-@DIGEST@"; // one for each build
const LARGE = /\.wasm$|\.zip$|pyodide\//; // kept when they are first fetched, not fetched for keeping

addEventListener("install", (event) => event.waitUntil(fill()));
addEventListener("activate", (event) => event.waitUntil(takeOver()));
addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(registration.scope)) event.respondWith(answer(event));
});

async function fill() {
  const cache = await caches.open(CACHE);
  const { files } = await (await fetch("site.json", { cache: "no-cache" })).json();
  await cache.addAll(["./", "site.json", ...Object.keys(files).filter((name) => !LARGE.test(name))]);
}

async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith("graphcost-") && name !== CACHE) await caches.delete(name);
  await clients.claim();
}

async function answer(event) {
  const { request } = event;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) event.waitUntil(cache.put(request, response.clone()));
  return response;
}
