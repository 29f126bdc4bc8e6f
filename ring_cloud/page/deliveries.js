// The webhooks, live: what was told to whom, and what the apps said to it.

import { control } from "./api.js";
import { h } from "./dom.js";
import { report, toast } from "./feedback.js";
import { mischiefSection, switchesSection } from "./mischief.js";
import { alert, button, chip, empty, heading } from "./parts.js";
import { act, appNamed, notify, now, store } from "./store.js";
import { clockTime, duration, eventName, plural, sentence } from "./words.js";

const FEW = 12; // so that the mischief below stays in sight
const ui = { all: false };

const STATES = {
  delivered: { label: "delivered", tone: "good" },
  refused: { label: "refused", tone: "bad" },
  dead: { label: "given up", tone: "bad" },
  disabled: { label: "endpoint disabled", tone: "bad" },
  held: { label: "held", tone: "waiting" },
  dropped: { label: "dropped", tone: "calm" },
};

function answer({ state, status, attempt }) {
  const known = STATES[state];
  if (known !== undefined) return chip(status ? `${status} ${known.label}` : known.label, known.tone);
  if (attempt === 0) return chip("on its way", "waiting");
  return chip(status ? `${status}, again` : "no answer, again", "waiting");
}

function following({ next_retry: at }) {
  if (at === null) return "–";
  return at <= now() ? "now" : `in ${duration(at - now())}`;
}

function row(delivery) {
  const { id, time, type, sub_type: subType, device, client_id: clientId, attempt, milliseconds, mischief } = delivery;
  return h("tr", { key: id },
    h("td", { class: "when" }, clockTime(time)),
    h("td", { class: "event" }, h("strong", null, eventName(type, subType)),
      h("small", null, device ?? "Account"),
      mischief.length > 0 && h("small", { class: "prank" }, mischief.map(sentence).join(", "))),
    h("td", { class: "app" }, appNamed(clientId)?.name ?? clientId),
    h("td", { class: "answer" }, answer(delivery)),
    h("td", { class: "attempt" }, attempt === 0 ? "–" : `${attempt} of 7`),
    h("td", { class: "took" }, milliseconds === null ? "–" : `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`),
    h("td", { class: "next" }, following(delivery)));
}

const TITLES = ["Time", "Event", "App", "Answer", "Attempt", "Took", "Next"];

function showAll() {
  ui.all = !ui.all;
  notify();
}

function table(deliveries) {
  const shown = ui.all ? deliveries : deliveries.slice(0, FEW);
  return h("div", { class: "card flush" },
    h("table", { class: "deliveries" },
      h("caption", { class: "sr" }, "Webhooks, newest first"),
      h("thead", null, h("tr", null, TITLES.map((title) => h("th", { key: title, scope: "col" }, title)))),
      h("tbody", null, shown.map(row))),
    deliveries.length > FEW &&
      button(ui.all ? "Show fewer" : `Show all ${deliveries.length}`, showAll, { look: "link more" }));
}

function disabledEndpoint(app) {
  const enable = () => report(act(control.saveApp({ client_id: app.client_id, webhook_url: app.webhook_url })),
    `${app.name} is told again.`);
  return alert(`The webhook URL of ${app.name} is disabled`,
    "It refused ten webhooks in a row. Ring sends nothing more until the URL is saved again.",
    button("Save it again", enable));
}

async function release(reverse) {
  const answered = await report(act(control.release(reverse)));
  if (answered !== null) toast(`${plural(answered.released, "webhook")} released.`);
}

async function replay() {
  const answered = await report(act(control.replay()));
  if (answered !== null) toast(`${plural(answered.replayed, "webhook")} replayed.`);
}

function letters({ held, dead }) {
  if (held + dead === 0) return null;
  return h("section", { class: "card letters", key: "letters" },
    held > 0 && h("div", { class: "between", key: "held" }, h("h3", null, `${plural(held, "webhook")} held`),
      h("div", { class: "row" },
        button("Release, newest first", () => release(true), { look: "primary" }),
        button("In their order", () => release(false)))),
    dead > 0 && h("div", { class: "between", key: "dead" },
      h("h3", null, `${plural(dead, "dead letter")}`, h("small", null, " kept for 72 hours")),
      button("Replay", replay, { look: "primary" })));
}

export function deliveriesView() {
  const { apps, deliveries, letters: counts } = store.state;
  return [
    heading("Deliveries", "The webhooks Ring sends, newest first. Times are the cloud's, in UTC."),
    apps.filter((app) => app.webhook_disabled).map(disabledEndpoint),
    letters(counts),
    deliveries.length === 0
      ? empty("mail", "Nothing was delivered yet",
        "Link an app that has a webhook URL, then ring a bell or open a door.",
        h("a", { class: "button", href: "#devices" }, "Open the devices"))
      : table(deliveries),
    h("div", { class: "columns" },
      h("div", { class: "stack" }, mischiefSection()),
      h("div", { class: "stack" }, switchesSection())),
  ];
}
