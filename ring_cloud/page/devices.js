// The control panel: what the account's devices are, and what happens to them.

import { actionsOf } from "./actions.js";
import { control } from "./api.js";
import { h } from "./dom.js";
import { ask, report, toast } from "./feedback.js";
import {
  accountPicker, button, chip, empty, field, formValues, heading, icon, options, submit, toggle,
} from "./parts.js";
import { account, act, changeDevice, devicesOf, notify, now, store } from "./store.js";
import { ago, iconOf, meaning, permissionOf, plural, sentence } from "./words.js";

const ui = { adding: false, renaming: null, dragged: new Map() };
// Shown by the card itself, whether or not the cloud also lists them as controls.
const OWN_ROWS = new Set(["name", "online", "e2ee"]);
const SLIDER_STEPS = 1000;

async function change(device, changes) {
  try {
    await changeDevice(device.id, changes);
  } catch (error) {
    toast(`${device.name} was not changed: ${error.message}`, "bad");
  }
}

const CONTROLS = { boolean: booleanControl, number: numberControl, choice: choiceControl };

function booleanControl(device, item) {
  return toggle(item.label, item.value === true, (value) => change(device, { [item.key]: value }),
    { hint: item.value === null ? "Not reported" : null });
}

function numberControl(device, item) {
  const id = `${device.id}-${item.key}`;
  const shown = ui.dragged.get(id) ?? item.value;
  const commit = (event) => {
    ui.dragged.delete(id);
    if (event.target.value !== "" && event.target.checkValidity()) {
      change(device, { [item.key]: event.target.valueAsNumber });
    } else {
      event.target.value = item.value ?? "";
      toast(`${item.label}: ${range(item)}`, "bad");
    }
  };
  const drag = (event) => {
    ui.dragged.set(id, event.target.valueAsNumber);
    notify();
  };
  const limits = { min: item.min, max: item.max, step: item.step ?? "any" };
  return h("div", { class: "number" },
    h("label", { for: id }, item.label),
    h("span", { class: "amount" },
      h("input", { id, type: "number", ...limits, value: shown, placeholder: "–", onchange: commit }),
      h("span", { class: "unit" }, item.unit ?? "")),
    meaning(item) !== null && h("small", { class: "wide" }, meaning(item)),
    hasSlider(item) && h("input", {
      type: "range", ...limits, value: shown ?? item.min, "aria-label": item.label, oninput: drag, onchange: commit,
    }));
}

function hasSlider({ min, max, step }) {
  return Number.isFinite(min) && Number.isFinite(max) && (max - min) / (step || 1) <= SLIDER_STEPS;
}

function range({ min, max, unit }) {
  const suffix = unit ? ` ${unit}` : "";
  return Number.isFinite(min) && Number.isFinite(max) ? `choose ${min} to ${max}${suffix}` : "enter a number";
}

function choiceControl(device, item) {
  const id = `${device.id}-${item.key}`;
  const choose = (event) =>
    change(device, { [item.key]: item.choices.find((choice) => String(choice) === event.target.value) });
  return h("div", { class: "choice" },
    h("label", { for: id }, item.label),
    h("select", { id, value: item.value, onchange: choose },
      options(item.choices.map((choice) => [String(choice), sentence(String(choice))]))));
}

function controlRow(device, item) {
  return h("li", { key: item.key }, CONTROLS[item.type]?.(device, item));
}

async function remove(device) {
  const agreed = await ask({
    title: `Remove ${device.name}?`,
    text: "It leaves the account for good, and partner apps get 404 for it.",
    action: "Remove device",
  });
  if (agreed) await report(act(control.removeDevice(device.id)), `${device.name} was removed.`);
}

function renameForm(device) {
  const rename = (event) => {
    const { name } = formValues(event);
    ui.renaming = null;
    if (name !== "" && name !== device.name) change(device, { name });
    else notify();
  };
  const cancel = (event) => {
    if (event.key === "Escape") startRenaming(null);
  };
  return h("form", { class: "rename", key: "rename", onsubmit: rename, onkeydown: cancel },
    h("input", { id: `${device.id}-name`, name: "name", "aria-label": "Device name", initial: device.name,
      required: true, maxlength: 200, autocomplete: "off" }),
    submit("Save"));
}

function startRenaming(device) {
  ui.renaming = device?.id ?? null;
  notify();
  if (device !== null) document.getElementById(`${device.id}-name`).select();
}

function cardTitle(device) {
  if (ui.renaming === device.id) return renameForm(device);
  const online = device.online ? chip("Online", "good") : chip("Offline", "bad");
  return h("div", { class: "card-title", key: "title" },
    h("div", null, h("h3", null, device.name), h("small", null, device.family_label)),
    device.e2ee ? chip("Hidden") : online);
}

function card(device) {
  return h("article", { class: `card device${device.online && !device.e2ee ? "" : " asleep"}`, key: device.id },
    h("div", { class: "card-head" }, h("span", { class: "badge" }, icon(iconOf(device))), cardTitle(device)),
    actionsOf(device),
    h("ul", { class: "controls" },
      h("li", { key: "online" }, toggle("Online", device.online, (online) => change(device, { online }),
        { hint: `Last heard ${ago(now(), device.reported_at)}` })),
      device.controls.filter((item) => !OWN_ROWS.has(item.key)).map((item) => controlRow(device, item)),
      device.e2ee_supported && h("li", { key: "e2ee" },
        toggle("End-to-end encryption", device.e2ee, (e2ee) => change(device, { e2ee }),
          { hint: "Encrypted devices vanish from the API" }))),
    h("div", { class: "card-foot" },
      button([icon("pen"), "Rename"], () => startRenaming(device), { look: "link", name: `Rename ${device.name}` }),
      button([icon("bin"), "Remove"], () => remove(device), { look: "link bad", name: `Remove ${device.name}` })));
}

function addForm(owner) {
  const add = async (event) => {
    const { family, name } = formValues(event);
    const answer = await report(act(control.addDevice(owner.id, family, name)), `${name} was added.`);
    if (answer === null) return;
    ui.adding = false;
    notify();
  };
  return h("form", { class: "card add", key: "add", onsubmit: add },
    field("Kind", { tag: "select", id: "add-family", name: "family",
      children: options(store.state.families.map(({ key, label }) => [key, label])) }),
    field("Name", { id: "add-name", name: "name", required: true, maxlength: 200, placeholder: "Garden Gate" }),
    submit("Add device"));
}

function startAdding() {
  ui.adding = !ui.adding;
  notify();
  document.getElementById("add-name")?.focus();
}

function group(kind, all) {
  const devices = all.filter((device) => device.kind === kind);
  return devices.length > 0 && h("section", { key: kind },
    h("h2", { class: "group" }, permissionOf(kind).label, h("span", { class: "muted" }, ` ${devices.length}`)),
    h("div", { class: "cards" }, devices.map(card)));
}

export function devicesView() {
  const owner = account();
  if (owner === null) {
    return [heading("Devices", "What the account's devices are, and what happens to them."),
      empty("device", "No account yet", "Create one in the Ring app first.",
        h("a", { class: "button", href: "#app" }, "Open the Ring app"))];
  }
  const devices = devicesOf(owner);
  const hidden = devices.filter((device) => device.e2ee).length;
  const offline = devices.filter((device) => !device.online).length;
  return [
    heading("Devices", `${plural(devices.length, "device")}, ${offline} offline, ${hidden} encrypted.`,
      accountPicker("devices-account"),
      button(ui.adding ? "Close" : [icon("plus"), "Add device"], startAdding,
        { look: ui.adding ? "plain" : "primary" })),
    ui.adding && addForm(owner),
    devices.length === 0 && empty("device", "This account has no devices", "Add one to see it here and in the API."),
    [...new Set(devices.map((device) => device.kind))].map((kind) => group(kind, devices)),
  ];
}
