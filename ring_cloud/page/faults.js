// Faults on demand: the n-th matching request goes wrong.

import { control } from "./api.js";
import { h } from "./dom.js";
import { report } from "./feedback.js";
import { button, field, formValues, icon, options, submit } from "./parts.js";
import { act, notify, store } from "./store.js";
import { plural, sentence } from "./words.js";

const ui = { route: "/v1/devices*", kind: "status", status: "503" };

const ROUTES = [
  ["*", "Every route"],
  ["/oauth/token", "Token endpoint"],
  ["/v1/*", "Everything under /v1"],
  ["/v1/users/me", "User"],
  ["/v1/accounts/me/app-integrations", "App integration"],
  ["/v1/accounts/me/subscriptions*", "Subscriptions"],
  ["/v1/devices*", "Devices and all below"],
  ["/v1/devices/*/status", "Device status"],
  ["/v1/locations", "Locations"],
  ["/v1/*download", "Pictures and clips"],
];

const KINDS = [
  ["status", "Answer with a status"],
  ["delay", "Answer late"],
  ["cut", "Cut the connection"],
  ["garbage", "Answer with garbage"],
];

const STATUSES = [
  ["400", "400 Bad Request"], ["401", "401 (empty body)"], ["403", "403 Forbidden"], ["404", "404 Not Found"],
  ["429", "429 Rate Limit Exceeded"], ["500", "500 Internal Error"], ["502", "502 Bad Gateway"],
  ["503", "503 Service Unavailable"],
];

const CUTS = [
  ["before", "Before anything is done"],
  ["after", "After it is done, unanswered"],
  ["body", "In the middle of the answer"],
];
const GARBAGE = [["text", "Not JSON at all"], ["truncated", "Half a JSON document"], ["html", "An HTML page"]];

// The cloud names a fault "cut before" or "status 503".
const NAMES = new Map([
  ...CUTS.map(([where, label]) => [`cut ${where}`, `Cut: ${label.toLowerCase()}`]),
  ...GARBAGE.map(([what, label]) => [`garbage ${what}`, label]),
]);

const BODIES_OF_KIND = {
  status: ({ status, says, retry_after: after }) => ({
    status: Number(status),
    ...(says === "nothing" ? { body: "" } : {}),
    ...(after ? { headers: { "Retry-After": after } } : {}),
  }),
  delay: ({ delay }) => ({ delay: Number(delay) }),
  cut: ({ cut }) => ({ cut }),
  garbage: ({ garbage }) => ({ garbage }),
};

function choose(name) {
  return (event) => {
    ui[name] = event.target.value;
    notify();
  };
}

function add(event) {
  const values = formValues(event);
  const fault = { nth: Number(values.nth), count: Number(values.count), ...BODIES_OF_KIND[values.kind](values) };
  if (values.route !== "") fault.route = values.route;
  if (values.method !== "") fault.method = values.method;
  return report(act(control.addFault(fault)), "The fault is waiting for its request.");
}

const DETAILS = {
  status: () => [
    field("Status", { tag: "select", id: "fault-status", name: "status", value: ui.status, onchange: choose("status"),
      children: options(STATUSES) }),
    field("Body", { tag: "select", id: "fault-says", name: "says",
      children: options([["error", "As Ring's"], ["nothing", "Empty"]]) }),
    field("Retry-After", { id: "fault-after", name: "retry_after", placeholder: "1 for a 429" },
      { hint: "Seconds or an HTTP date" }),
  ],
  delay: () => field("Delay in seconds", { id: "fault-delay", name: "delay", type: "number", min: 0, step: "any",
    initial: 5, required: true }),
  cut: () => field("Where it breaks", { tag: "select", id: "fault-cut", name: "cut", children: options(CUTS) }),
  garbage: () => field("What it says", { tag: "select", id: "fault-garbage", name: "garbage",
    children: options(GARBAGE) }),
};

function form() {
  const preset = ROUTES.some(([route]) => route === ui.route) ? ui.route : "";
  return h("form", { class: "grid", onsubmit: add },
    field("Route", { tag: "select", id: "fault-preset", value: preset, onchange: choose("route"),
      children: options([...ROUTES, ["", "Own pattern"]]) }),
    field("Pattern", { id: "fault-route", name: "route", class: "mono", value: ui.route, oninput: choose("route"),
      placeholder: "*" }),
    field("Method", { tag: "select", id: "fault-method", name: "method",
      children: options([["", "Any"], ...["GET", "POST", "PATCH", "DELETE"].map((method) => [method, method])]) }),
    field("What happens", { tag: "select", id: "fault-kind", name: "kind", value: ui.kind, onchange: choose("kind"),
      children: options(KINDS) }),
    DETAILS[ui.kind](),
    field("First hit", { id: "fault-nth", name: "nth", type: "number", min: 1, initial: 1, required: true },
      { hint: "1 is the next match" }),
    field("How many", { id: "fault-count", name: "count", type: "number", min: 0, initial: 1, required: true },
      { hint: "In a row; 0 for all" }),
    h("div", { class: "wide row end" }, submit("Add fault")));
}

function faultRow(fault) {
  const from = fault.nth === 1 ? "from the next match on" : `from match ${fault.nth} on`;
  const times = fault.count === null ? "always" : plural(fault.count, "time");
  const spent = fault.count !== null && fault.hits >= fault.count;
  return h("li", { key: fault.id, class: spent ? "spent" : "" },
    h("div", null, h("strong", null, NAMES.get(fault.kind) ?? sentence(fault.kind)),
      h("code", null, `${fault.method || "any"} ${fault.route || "*"}`),
      h("small", null, `${times}, ${from}`)),
    h("span", { class: "hits" }, fault.hits, h("small", null, fault.hits === 1 ? "hit" : "hits")),
    button(icon("close"), () => report(act(control.removeFault(fault.id))),
      { look: "quiet", name: "Remove this fault" }));
}

export function faultsSection() {
  const { faults } = store.state;
  const clear = () => report(act(control.clearFaults()), "All faults are gone.");
  return h("section", { class: "card" },
    h("h2", null, "Faults"),
    form(),
    h("div", { class: "between ruled" },
      h("h3", null, "Waiting and spent"),
      button("Clear all", clear, { look: "danger plain", disabled: faults.length === 0 })),
    faults.length === 0
      ? h("p", { class: "muted" }, "No faults: the cloud behaves as well as Ring does.")
      : h("ul", { class: "faults" }, faults.map(faultRow)));
}
