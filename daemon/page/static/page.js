// Keeps the parts of the page that are marked with data-live as they are on the daemon.
// Without it the page reloads by itself every half minute.
"use strict";

const live = document.getElementById("live");
let refreshing = false, again = false;

// refresh loads the page as it is now and puts its live parts in place of these, unless
// a person is about to use one of them.
async function refresh() {
  if (refreshing) { again = true; return; }
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || new URL(answer.url).pathname !== location.pathname) { location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = fresh.querySelector(`[data-live="${old.dataset.live}"]`);
      if (!now || old.innerHTML === now.innerHTML || old.contains(document.activeElement)) continue;
      for (const [i, d] of [...old.querySelectorAll("details")].entries()) {
        const same = now.querySelectorAll("details")[i];
        if (same) same.open = d.open;
      }
      old.replaceChildren(...now.childNodes);
    }
  } catch { /* the daemon is away; the stream says so */ }
  refreshing = false;
  if (again) { again = false; setTimeout(refresh, 500); }
}

if (document.querySelector("[data-live]") && window.EventSource) {
  const events = new EventSource("/events");
  events.addEventListener("changed", refresh);
  events.addEventListener("open", () => { live.textContent = "Live."; });
  events.addEventListener("error", () => { live.textContent = "The daemon does not answer; trying again."; });
}
