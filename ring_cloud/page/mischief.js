// Mischief on demand, and the switches: how webhooks and the history may misbehave.

import { control } from "./api.js";
import { h } from "./dom.js";
import { report } from "./feedback.js";
import { button, field, formValues, icon, options, submit, toggle } from "./parts.js";
import { act, notify, store } from "./store.js";
import { duration, plural } from "./words.js";

const ui = { kind: "duplicate" };

const KINDS = [
  ["duplicate", "Deliver several times"],
  ["drop", "Lose without a trace"],
  ["hold", "Hold, to release in another order"],
  ["delay", "Deliver late"],
  ["wrong_signature", "Sign wrongly"],
  ["foreign_account", "Name a foreign account"],
];
const KIND_NAMES = new Map(KINDS);

const TYPES = [
  ["*", "Every event"],
  ["button_press", "The doorbell"],
  ["motion_detected", "Motion"],
  ["*_faulted", "A contact that opens"],
  ["flood_*", "Water"],
  ["device_*", "Devices: added, removed, online, offline"],
  ["app_integration_*", "The link itself"],
];

const DETAILS = {
  duplicate: () => field("Copies", { id: "mischief-copies", name: "copies", type: "number", min: 2, max: 20,
    initial: 2, required: true }),
  delay: () => field("Seconds", { id: "mischief-seconds", name: "seconds", type: "number", min: 0, step: "any",
    initial: 30, required: true }, { hint: "By the cloud's clock" }),
};

function add(event) {
  const values = formValues(event);
  const numbers = ["count", "copies", "seconds"].filter((name) => name in values);
  const prank = { ...values, ...Object.fromEntries(numbers.map((name) => [name, Number(values[name])])) };
  return report(act(control.addMischief(prank)), "The mischief is waiting for its event.");
}

function chooseKind(event) {
  ui.kind = event.target.value;
  notify();
}

function form() {
  return h("form", { class: "grid", onsubmit: add },
    field("What goes wrong", { tag: "select", id: "mischief-kind", name: "kind", value: ui.kind, onchange: chooseKind,
      children: options(KINDS) }),
    field("With", { tag: "select", id: "mischief-types", name: "types", children: options(TYPES) }),
    DETAILS[ui.kind]?.(),
    field("How many", { id: "mischief-count", name: "count", type: "number", min: 0, initial: 1, required: true },
      { hint: "In a row; 0 for all" }),
    h("div", { class: "wide row end" }, submit("Add mischief")));
}

function detail({ kind, copies, seconds }) {
  if (kind === "duplicate") return `, ${copies} copies`;
  return kind === "delay" ? `, ${duration(seconds)}` : "";
}

function prankRow(prank) {
  const spent = prank.count !== null && prank.hits >= prank.count;
  const times = prank.count === null ? "always" : plural(prank.count, "time");
  return h("li", { key: prank.id, class: spent ? "spent" : "" },
    h("div", null, h("strong", null, KIND_NAMES.get(prank.kind)),
      h("code", null, prank.types),
      h("small", null, times, detail(prank))),
    h("span", { class: "hits" }, prank.hits, h("small", null, prank.hits === 1 ? "hit" : "hits")),
    button(icon("close"), () => report(act(control.removeMischief(prank.id))),
      { look: "quiet", name: `Remove: ${KIND_NAMES.get(prank.kind)}` }));
}

export function mischiefSection() {
  const { mischief } = store.state;
  const clear = () => report(act(control.clearMischief()), "All mischief is gone.");
  return h("section", { class: "card" },
    h("h2", null, "Mischief"),
    form(),
    h("div", { class: "between ruled" },
      h("h3", null, "Waiting and spent"),
      button("Clear all", clear, { look: "danger plain", disabled: mischief.length === 0 })),
    mischief.length === 0
      ? h("p", { class: "muted" }, "No mischief: every event is delivered once.")
      : h("ul", { class: "faults" }, mischief.map(prankRow)));
}

const CHOICES = {
  envelope: ["Envelope", [["1.1", "1.1"], ["1.0", "1.0, without the account"]]],
  sub_type_place: ["Sub-type of a motion", [
    ["attributes", "data.attributes.sub_type"], ["data", "data.subType"], ["both", "In both"], ["none", "Nowhere"],
  ]],
  request_ids: ["Request IDs of sensors", [
    ["recorded", "No UUID, 64 characters"], ["cut", "Cut: several events share one"], ["uuid", "UUID"],
  ]],
  threshold_reading: ["Reading in a threshold's webhook", [
    ["none", "Not told"], ["number", "A number"], ["block", "Value and unit"],
  ]],
  device_added: ["device_added", [["before", "Before the link"], ["after", "After app_integration_added"]]],
  webhook_lags: ["Webhooks lag by type", [["none", "No"], ["recorded", "As recorded"]]],
  absent_capabilities: ["Capabilities that are absent", [
    ["blocks", "Blocks of nulls, of cameras null"], ["all_blocks", "Blocks of nulls"], ["null", "null"],
    ["missing", "Missing"],
  ]],
  chime_slots: ["Slots of chimes", [["empty", "Empty"], ["filled", "Filled"]]],
  e2ee_devices: ["End-to-end encrypted devices", [["listed", "Stay listed"], ["hidden", "Vanish"]]],
  e2ee_media: ["Their files", [["bytes", "Bytes without a meaning"], ["no_key", "422"]]],
  history_next: ["Next link of the history", [
    ["keeps", "Keeps the filter"], ["drops", "Loses the filter"], ["trailing", "Leads to empty pages"],
    ["never", "Is never there"],
  ]],
  recording_early_answer: ["Of a recording that is not ready", [
    ["older", "An older picture"], ["not_ready", "425"], ["not_found", "416"], ["no_key", "422"],
    ["empty", "422 without a body"],
  ]],
  clip_answer: ["A clip is answered with", [
    ["see_other", "303"], ["moved", "301"], ["found", "302"], ["temporary", "307"], ["permanent", "308"],
    ["direct", "The file"],
  ]],
  whep_trimmed_offers: ["Offers of baseline H264 alone", [
    ["refused", "500"], ["undecodable", "Taken, no picture"], ["taken", "Taken"],
  ]],
  whep_direction: ["Direction of an answer", [
    ["sendonly", "sendonly"], ["sendrecv", "sendrecv"], ["recvonly", "recvonly"], ["inactive", "inactive"],
  ]],
  whep_refused_section: ["Section with port 0", [["none", "None"], ["audio", "Audio"], ["video", "Video"]]],
};
const NUMBERS = {
  history_page_size: ["Rows on a page of the history", 1, 100],
  history_empty_pages: ["Empty pages before the first row", 0, 10],
  history_early_ms: ["Rows begin before their webhook, in ms", 0, 30000],
  consent_margin_ms: ["Media are seen from so long after the consent, in ms", 0, 10000],
  clip_shortfall_ms: ["Clips are shorter than asked, in ms", 0, 900000],
  media_regions: ["Hosts of media", 1, 2],
  codes_posted: ["A code is posted so often", 1, 2],
  whep_stalls_after: ["Live views stall after seconds (0: never)", 0, 60],
};
const FLAGS = {
  disables_endpoints: ["Disable endpoints", "After ten refusals in a row within a day"],
  history_filters: ["History honours event_types", "As documented; observed is that it does not"],
  history_times_as_text: ["History times as texts", "As in the documentation's sample"],
  whep_bare_offers: ["Offers without candidates are taken", "Most often they get 500"],
  whep_msid: ["Answers have an msid", "Some were seen without"],
  history_repeats_cursor: ["History repeats its cursor", "The second page leads to itself"],
};

function move(change) {
  return report(act(control.setSwitches(change)));
}

function number([key, [label, min, max]], value) {
  const set = (event) => event.target.checkValidity() && move({ [key]: event.target.valueAsNumber });
  return field(label, { id: `switch-${key}`, type: "number", min, max, required: true, value, onchange: set });
}

export function switchesSection() {
  const { switches } = store.state;
  return h("section", { class: "card" },
    h("h2", null, "Ring's habits"),
    h("p", { class: "muted" }, "Where the documentation and observations differ."),
    h("div", { class: "grid" },
      Object.entries(CHOICES).map(([key, [label, pairs]]) =>
        field(label, { tag: "select", id: `switch-${key}`, value: switches[key],
          onchange: (event) => move({ [key]: event.target.value }), children: options(pairs) })),
      Object.entries(NUMBERS).map((entry) => number(entry, switches[entry[0]]))),
    h("ul", { class: "controls" }, Object.entries(FLAGS).map(([key, [label, hint]]) =>
      h("li", { key }, toggle(label, switches[key], (on) => move({ [key]: on }), { hint })))));
}
