// The developer portal: partner apps, their URLs and their credentials.

import { control } from "./api.js";
import { h } from "./dom.js";
import { report } from "./feedback.js";
import { button, chip, empty, field, heading, icon, submit, tick, toggle } from "./parts.js";
import { act, notify, store } from "./store.js";
import { permissionOf } from "./words.js";

const NEW = Symbol("new app");
// What somebody typed and has not saved, by client id: a poll must never overwrite it.
const drafts = new Map();
const ui = { saving: null };

const URLS = [
  ["token_exchange_url", "Token Exchange URL", "Ring posts the authorization code here."],
  ["account_link_url", "Account Link URL", "The page the browser arrives at after Confirm."],
  ["webhook_url", "Webhook URL", "Receives the events."],
  ["homepage_url", "App Homepage URL", "Where the Ring app sends people to set things up."],
];
const SECRETS = [
  ["client_secret", "Client secret"],
  ["signing_key", "HMAC signing key"],
];
const BLANK = { client_id: "", name: "", redirect_uris: [], unlink_allowed: false, partner_allowlisted: true };

function draftOf(key) {
  return drafts.get(key) ?? {};
}

function edit(key, name, value) {
  drafts.set(key, { ...draftOf(key), [name]: value });
  notify();
}

function discard(key) {
  drafts.delete(key);
  notify();
}

async function save(event, key, fields) {
  event.preventDefault();
  ui.saving = key;
  notify();
  const sent = drafts.get(key);
  const { redirect_uris: lines, ...rest } = fields;
  const uris = lines === undefined ? {} : { redirect_uris: split(lines) };
  const saved = await report(act(control.saveApp({ ...trimmed(rest), ...uris })), "The app was saved.");
  ui.saving = null;
  if (saved !== null && drafts.get(key) === sent) drafts.delete(key);
  notify();
}

function split(lines) {
  return lines.split(/\s+/).filter((uri) => uri !== "");
}

// Pasted values bring spaces along; a secret left empty means "keep the one there is".
function trimmed(fields) {
  const secrets = SECRETS.map(([name]) => name);
  const entries = Object.entries(fields).map(([name, value]) => [name, value.trim?.() ?? value]);
  return Object.fromEntries(entries.filter(([name, value]) => value !== "" || !secrets.includes(name)));
}

function textField(key, app, name, label, props = {}, layout = {}) {
  const value = draftOf(key)[name] ?? app[name] ?? "";
  const id = `${key === NEW ? "new" : app.client_id}-${name}`;
  return field(label, { id, name, value, oninput: (e) => edit(key, name, e.target.value), ...props }, layout);
}

function permissionTicks(key, app) {
  const chosen = draftOf(key).permissions ?? app.permissions ?? store.state.permissions;
  const known = store.state.permissions;
  const choose = (name, on) =>
    edit(key, "permissions", known.filter((other) => (other === name ? on : chosen.includes(other))));
  return h("fieldset", { class: "ticks wide" },
    h("legend", null, "Permissions"),
    known.map((name) => {
      const { label, text } = permissionOf(name);
      return tick(label, text, chosen.includes(name), (on) => choose(name, on));
    }));
}

function secretField(key, app, [name, label]) {
  const isNew = key === NEW;
  return textField(key, app, name, label,
    { type: "password", autocomplete: "new-password", class: "mono", required: isNew,
      placeholder: app[`has_${name}`] ? "Set; type to replace" : "Not set" },
    { hint: "Never shown again, as at Ring." });
}

function body(key, app) {
  const uris = draftOf(key).redirect_uris ?? app.redirect_uris.join("\n");
  return [
    textField(key, app, "name", "Name", { required: true, placeholder: "Home Assistant" }),
    textField(key, app, "client_id", "Client ID", { class: "mono", required: true, readonly: key !== NEW }),
    SECRETS.map((secret) => secretField(key, app, secret)),
    URLS.map(([name, label, hint]) =>
      textField(key, app, name, label, { type: "url", class: "mono", placeholder: "https://" }, { hint, wide: true })),
    textField(key, app, "redirect_uris", "Redirect URIs", { tag: "textarea", class: "mono", rows: 2, value: uris },
      { hint: "One a line, only for apps that sign in with Ring; matched exactly.", wide: true }),
    permissionTicks(key, app),
    h("div", { class: "wide" },
      toggle("Invited to sign in with Ring", draftOf(key).partner_allowlisted ?? app.partner_allowlisted,
        (allowed) => edit(key, "partner_allowlisted", allowed), { hint: "By Ring only; others end on an error page" }),
      toggle("May unlink itself", draftOf(key).unlink_allowed ?? app.unlink_allowed,
        (allowed) => edit(key, "unlink_allowed", allowed), { hint: "Ring allows it for partner-initiated apps only" })),
  ];
}

function buttons(key, label) {
  const dirty = drafts.has(key);
  const saving = ui.saving === key;
  return h("div", { class: "wide row end" },
    button(key === NEW ? "Cancel" : "Discard", () => discard(key), { disabled: !dirty || saving }),
    submit(saving ? "Saving…" : label, { disabled: !dirty || saving }));
}

function appCard(app) {
  const key = app.client_id;
  return h("article", { class: "card", key },
    h("div", { class: "between" },
      h("h2", null, app.name || key),
      drafts.has(key) ? chip("Not saved", "waiting") : chip("Saved", "calm")),
    h("form", { class: "grid", onsubmit: (e) => save(e, key, { client_id: key, ...draftOf(key) }) },
      body(key, app), buttons(key, "Save")));
}

function newCard() {
  return h("article", { class: "card", key: "new" },
    h("h2", null, "New app"),
    h("form", { class: "grid", onsubmit: (e) => save(e, NEW, draftOf(NEW)) },
      body(NEW, BLANK), buttons(NEW, "Register app")));
}

function startNew() {
  drafts.set(NEW, draftOf(NEW));
  notify();
  document.getElementById("new-name")?.focus();
}

export function portalView() {
  const { apps } = store.state;
  const opened = drafts.has(NEW);
  return [
    heading("Developer portal", "Paste the URLs that Home Assistant shows you while linking.",
      button([icon("plus"), "Register app"], startNew, { look: "primary", disabled: opened })),
    opened && newCard(),
    apps.length === 0 && !opened && empty("portal", "No apps yet", "Register one to link it from the Ring app."),
    h("div", { class: "stack" }, apps.map(appCard)),
  ];
}
