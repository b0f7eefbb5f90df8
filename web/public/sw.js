// Stands in when an installed page cannot reach the party. It stores no code at all, so none can grow old: whatever
// the network answers is what people get, and only where it does not answer comes the waiting page below.
const WAITING = `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="dark">
<title>Crowdcue</title><body style="margin:0;display:grid;place-content:center;min-height:100vh;background:#15110e;
color:#f9f2ea;font:1.125rem/1.5 system-ui,sans-serif;text-align:center;padding:1rem;box-sizing:border-box">
<h1 style="font-size:1.75rem;margin:0 0 .5rem">The party is out of reach</h1>
<p style="margin:0">Join its Wi-Fi. This page comes back by itself.</p></body></html>`;

addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
  if (event.request.mode !== 'navigate') return;
  const waiting = () =>
    new Response(WAITING, { status: 503, headers: { 'content-type': 'text/html; charset=utf-8' } });
  event.respondWith(fetch(event.request).catch(waiting));
});
