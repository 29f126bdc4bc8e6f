// Pieces that several screens share.

import { h } from "./dom.js";
import { account, chooseAccount, store } from "./store.js";
import { fullName, LINK_STATUS } from "./words.js";

export function icon(name) {
  return h("svg", { class: "icon", "aria-hidden": "true" }, h("use", { href: `#i-${name}` }));
}

export function heading(title, lead, ...tools) {
  return h("header", { class: "head" },
    h("div", null, h("h1", { tabindex: "-1" }, title), h("p", { class: "lead" }, lead)),
    tools.length > 0 && h("div", { class: "tools" }, tools));
}

export function chip(label, tone = "calm") {
  return h("span", { class: `chip ${tone}` }, label);
}

export function statusChip(status) {
  const known = LINK_STATUS[status] ?? { label: status, tone: "calm" };
  return chip(known.label, known.tone);
}

export function button(label, onclick, { look = "plain", disabled = false, name = null } = {}) {
  return h("button", { type: "button", class: look, onclick, disabled, "aria-label": name }, label);
}

export function submit(label, { look = "primary", disabled = false } = {}) {
  return h("button", { type: "submit", class: look, disabled }, label);
}

export function empty(picture, title, text, ...actions) {
  return h("div", { class: "empty" }, icon(picture), h("h2", null, title), h("p", null, text), actions);
}

export function alert(title, text, ...more) {
  return h("div", { class: "alert", role: "alert" }, icon("warning"),
    h("div", null, h("strong", null, title), h("p", null, text), more));
}

/** A labelled field; `props` go to the input itself. */
export function field(label, props, { hint = null, wide = false } = {}) {
  const { tag = "input", children = [], ...rest } = props;
  const hintId = hint === null ? null : `${rest.id}-hint`;
  return h("div", { class: wide ? "field wide" : "field", key: rest.id },
    h("label", { for: rest.id }, label),
    h(tag, { autocomplete: "off", spellcheck: "false", ...rest, "aria-describedby": hintId }, children),
    hint !== null && h("small", { id: hintId }, hint));
}

export function options(pairs) {
  return pairs.map(([value, label]) => h("option", { key: value, value }, label));
}

/** A checkbox that looks like a switch; the label is its whole row. */
export function toggle(label, checked, onchange, { hint = null, disabled = false } = {}) {
  return h("label", { class: "toggle" },
    h("span", null, label, hint !== null && h("small", null, hint)),
    h("input", { type: "checkbox", role: "switch", checked, disabled, onchange: (e) => onchange(e.target.checked) }));
}

export function tick(label, text, checked, onchange) {
  return h("label", { class: "tick" },
    h("input", { type: "checkbox", checked, onchange: (e) => onchange(e.target.checked) }),
    h("span", null, label, text !== "" && h("small", null, text)));
}

export function accountPicker(id) {
  const { accounts } = store.state;
  return h("div", { class: "field inline" },
    h("label", { for: id }, "Account"),
    h("select", { id, value: account()?.id, onchange: (e) => chooseAccount(e.target.value) },
      options(accounts.map((owner) => [owner.id, fullName(owner)]))));
}

/** The values of a submitted form, by field name; trimmed, because people paste. */
export function formValues(event) {
  event.preventDefault();
  return Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()]));
}
