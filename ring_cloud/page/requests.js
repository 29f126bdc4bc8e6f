// The newest requests, live.

import { h } from "./dom.js";
import { button, empty, heading, icon } from "./parts.js";
import { notify, store } from "./store.js";
import { clockTime } from "./words.js";

const ui = { search: "", failures: false, frozen: null };

function tone(status) {
  if (status >= 500 || status === 0) return "bad";
  if (status >= 400) return "waiting";
  return "good";
}

function wanted({ method, path, status }) {
  if (ui.failures && status > 0 && status < 400) return false;
  return `${method} ${path} ${status}`.toLowerCase().includes(ui.search.toLowerCase());
}

function row({ time, method, path, status, milliseconds }) {
  return h("tr", null,
    h("td", { class: "when" }, clockTime(time)),
    h("td", { class: "method" }, method),
    h("td", { class: "path" }, path),
    h("td", { class: "status" }, h("span", { class: `chip ${tone(status)}` }, status || "cut")),
    h("td", { class: "took" }, `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`));
}

function table(requests) {
  return h("div", { class: "card flush" },
    h("table", { class: "requests" },
      h("caption", { class: "sr" }, "Requests, newest first"),
      h("thead", null, h("tr", null,
        ["Time", "Method", "Path", "Status", "Took"].map((title) => h("th", { key: title, scope: "col" }, title)))),
      h("tbody", null, requests.map(row))));
}

function tools() {
  const search = (event) => {
    ui.search = event.target.value;
    notify();
  };
  const failures = (event) => {
    ui.failures = event.target.checked;
    notify();
  };
  const freeze = () => {
    ui.frozen = ui.frozen === null ? store.state.requests : null;
    notify();
  };
  return [
    h("div", { class: "field inline" },
      h("label", { for: "requests-search", class: "sr" }, "Filter"),
      h("input", { id: "requests-search", type: "search", value: ui.search, oninput: search, placeholder: "Filter",
        autocomplete: "off" })),
    h("label", { class: "tick bare" },
      h("input", { type: "checkbox", checked: ui.failures, onchange: failures }), h("span", null, "Failures only")),
    button(ui.frozen === null ? [icon("pause"), "Pause"] : [icon("play"), "Resume"], freeze),
  ];
}

function content(all) {
  if (all.length === 0) return empty("pulse", "No requests yet", "They appear here as soon as somebody calls the API.");
  const requests = all.filter(wanted);
  return requests.length === 0
    ? empty("pulse", "Nothing matches", "No request of the newest ones fits the filter.")
    : table(requests);
}

export function requestsView() {
  const lead = ui.frozen === null ? "Live, newest first. Times are the cloud's, in UTC." : "Paused.";
  return [heading("Requests", lead, ...tools()), content(ui.frozen ?? store.state.requests)];
}
