// Lets pages follow what happens: the server says that something changed, and what shows it loads itself again.
(() => {
  "use strict";
  const lamp = document.getElementById("lamp");
  let waiting = null;

  function show(isLive) {
    if (!lamp) return;
    lamp.classList.toggle("on", isLive);
    lamp.title = isLive ? "Live" : "Not live; trying again";
  }

  // Several changes at once are one; a page that nobody looks at waits until somebody does.
  function changed() {
    if (waiting !== null) return;
    waiting = setTimeout(() => {
      waiting = null;
      if (document.hidden) {
        document.addEventListener("visibilitychange", changed, { once: true });
        return;
      }
      htmx.trigger(document.body, "tocsin:changed");
    }, 250);
  }

  const stream = new EventSource("/live");
  stream.addEventListener("open", () => show(true));
  stream.addEventListener("error", () => show(false));
  stream.addEventListener("changed", changed);
  addEventListener("pagehide", () => stream.close());
})();
