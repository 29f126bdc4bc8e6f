// Which screen is shown, and when it is drawn again.

import { h, render } from "./dom.js";
import { deliveriesView } from "./deliveries.js";
import { devicesView } from "./devices.js";
import { empty } from "./parts.js";
import { phoneView } from "./phone.js";
import { portalView } from "./portal.js";
import { requestsView } from "./requests.js";
import { notify, now, startPolling, store, subscribe } from "./store.js";
import { tokensView } from "./tokens.js";
import { clockTime } from "./words.js";

const SCREENS = {
  "#app": { title: "Ring app", view: phoneView },
  "#devices": { title: "Devices", view: devicesView },
  "#deliveries": { title: "Deliveries", view: deliveriesView },
  "#tokens": { title: "Tokens and faults", view: tokensView },
  "#portal": { title: "Developer portal", view: portalView },
  "#requests": { title: "Requests", view: requestsView },
};
const TICK_MS = 1000;

const main = document.getElementById("main");
const pulse = document.getElementById("pulse");
let current = "#app";

function draw() {
  drawPulse();
  if (store.state !== null) {
    render(main, h("div", { key: current, class: "screen" }, SCREENS[current].view()));
  } else if (!store.reachable) {
    render(main, empty("warning", "The local Ring cloud does not answer",
      "Start it with python -m ring_cloud. This page connects by itself."));
  }
}

function drawPulse() {
  pulse.className = store.reachable ? "pulse" : "pulse lost";
  const time = store.state === null ? "" : `${clockTime(now())} UTC`;
  render(pulse, h("span", { class: "dot", "aria-hidden": "true" }),
    h("span", { role: "status" }, store.reachable ? "Live" : "No answer"),
    h("span", { class: "time" }, time));
}

function route({ moved }) {
  if (location.hash in SCREENS) current = location.hash;
  document.title = `${SCREENS[current].title} · Local Ring cloud`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  draw();
  if (!moved) return;
  window.scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", () => route({ moved: true }));

subscribe(draw);
route({ moved: false });
startPolling();
setInterval(() => document.hidden || notify(), TICK_MS);
