// What a person can do in front of a camera: ring, walk past, look at it live.

import { control } from "./api.js";
import { h } from "./dom.js";
import { report } from "./feedback.js";
import { button, icon } from "./parts.js";
import { act } from "./store.js";
import { eventName } from "./words.js";

const LIVE_VIEW = "on_demand";
const MOTION = "motion_detected";
const LOOKS = { button_press: "primary", [LIVE_VIEW]: "plain" };
const ICONS = { button_press: "bell", [LIVE_VIEW]: "play" };

function perform(device, { type, sub_type: subType }) {
  const event = subType === null ? { type } : { type, sub_type: subType };
  return report(act(control.happen(device.id, event)), `${device.name}: ${eventName(type, subType).toLowerCase()}.`);
}

function actionButton(device, action, look) {
  const label = action.type in ICONS ? [icon(ICONS[action.type]), action.label] : action.label;
  const name = action.type === MOTION ? `${action.label} walks past ${device.name}` : null;
  return button(label, () => perform(device, action), { look, name, disabled: !device.online || device.e2ee });
}

export function actionsOf(device) {
  if (device.actions.length === 0) return null;
  const walkers = device.actions.filter(({ type }) => type === MOTION);
  const others = device.actions.filter(({ type }) => type !== MOTION);
  return h("div", { class: "actions", key: "actions" },
    h("div", { class: "row" }, others.map((action) => actionButton(device, action, LOOKS[action.type]))),
    walkers.length > 0 && h("div", { class: "walk", role: "group", "aria-label": `Walk past ${device.name}` },
      h("small", null, "Walk past"),
      h("div", { class: "row tight-gap" }, walkers.map((action) => actionButton(device, action, "plain pill")))));
}
