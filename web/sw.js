/* Keeps the page itself, so that it opens at once and also without a network. What was said is never kept here. */
const SHELL = ["/", "/style.css", "/app.js", "/client.js", "/composer.js", "/dialogs.js", "/emoji.js", "/list.js", "/login.js", "/markup.js", "/notify.js",
  "/room.js", "/sidebar.js", "/icon.svg", "/manifest.webmanifest"];

addEventListener("install", (event) => event.waitUntil(caches.open("shell").then((cache) => cache.addAll(SHELL)).then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

/* From the server where it answers, so that page and server are of one version; else what was kept. */
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !SHELL.includes(url.pathname)) return;
  event.respondWith(fetch(event.request).then((answer) => {
    if (answer.ok) { const copy = answer.clone(); event.waitUntil(caches.open("shell").then((cache) => cache.put(url.pathname, copy))); }
    return answer;
  }, () => caches.match(url.pathname)));
});
