// Tokens of every link, Playground tokens, and the clock they all expire by.

import { control } from "./api.js";
import { h } from "./dom.js";
import { ask, report, toast } from "./feedback.js";
import { faultsSection } from "./faults.js";
import { button, empty, field, formValues, heading, icon, options, statusChip, submit } from "./parts.js";
import { act, appNamed, notify, now, store } from "./store.js";
import { clockTime, dateTime, duration, fullName, plural } from "./words.js";

const ui = { playground: null };

const SOON_S = 300;
const LIFETIMES = [[60, "1 min"], [360, "6 min"], [600, "10 min"], [3600, "1 h"], [14400, "4 h (Ring's)"]];
const LEAPS = [[60, "1 min"], [300, "5 min"], [3600, "1 h"], [14400, "4 h"], [86400, "1 day"], [2592000, "30 days"]];

const ACTIONS = [
  { action: "expire", label: "Expire access token", done: "The access token has expired." },
  { action: "revoke_refresh", label: "Revoke refresh token", done: "The refresh token is dead.",
    warning: "The app keeps its access token until that expires; then somebody has to link again." },
  { action: "revoke", label: "Revoke all", done: "Every token of this link is dead.",
    warning: "The app is cut off at once, and somebody has to link again." },
];

async function run(owner, link, { action, label, done, warning }) {
  const agreed = warning === undefined || await ask({ title: `${label}?`, text: warning, action: label });
  if (agreed) await report(act(control.token(owner.id, link.client_id, action)), done);
}

function countdown(link) {
  const at = link.access_token_expires_at;
  if (at === null || at === undefined) return { text: "No token", tone: "calm" };
  const left = at - now();
  if (left <= 0) return { text: "Expired", tone: "bad" };
  return { text: duration(left), tone: left <= SOON_S ? "waiting" : "good" };
}

function linkCard({ owner, link }) {
  const id = `${owner.id}-${link.client_id}`;
  const left = countdown(link);
  const setLifetime = (event) => {
    const seconds = Number(formValues(event).seconds);
    report(act(control.token(owner.id, link.client_id, "lifetime", { seconds })),
      `New access tokens live for ${duration(seconds)}.`);
  };
  return h("article", { class: "card", key: id },
    h("div", { class: "between" },
      h("h3", null, appNamed(link.client_id)?.name ?? link.client_id, h("small", null, fullName(owner))),
      statusChip(link.status)),
    h("dl", { class: "figures" },
      h("div", null, h("dt", null, "Access token expires in"), h("dd", { class: left.tone }, left.text)),
      h("div", null, h("dt", null, "Refreshes"), h("dd", null, link.refreshes ?? 0))),
    h("div", { class: "row" }, ACTIONS.map((entry) =>
      button(entry.label, () => run(owner, link, entry), { look: entry.warning ? "danger plain" : "plain" }))),
    h("form", { class: "row fields", onsubmit: setLifetime },
      field("Lifetime of new tokens", { tag: "select", id: `${id}-life`, name: "seconds",
        children: options(LIFETIMES) }),
      submit("Set lifetime", { look: "plain" })));
}

function linksSection() {
  const links = store.state.accounts.flatMap((owner) => owner.links.map((link) => ({ owner, link })));
  const shown = links.filter(({ link }) => link.status !== "none");
  return h("section", null,
    h("h2", { class: "group" }, "Links"),
    shown.length === 0
      ? empty("link", "Nothing is linked yet", "Enable a partner app in the Ring app, and its tokens appear here.",
        h("a", { class: "button", href: "#app" }, "Open the Ring app"))
      : h("div", { class: "cards wide" }, shown.map(linkCard)));
}

async function mint(event) {
  const { account_id: accountId } = formValues(event);
  const minted = await report(act(control.mintPlayground(accountId)));
  if (minted === null) return;
  ui.playground = { token: minted.access_token, expiresAt: now() + minted.expires_in };
  notify();
}

async function copy() {
  try {
    await navigator.clipboard.writeText(ui.playground.token);
    toast("The token was copied.");
  } catch {
    document.getElementById("playground-token").select();
    toast("The browser does not allow copying: the token is selected, copy it by hand.", "bad");
  }
}

function forget() {
  ui.playground = null;
  notify();
}

function simulate() {
  return report(act(control.simulate(ui.playground.token)), "A live view was simulated: the history has a row more.");
}

function playgroundToken() {
  const left = ui.playground.expiresAt - now();
  return h("div", { class: "once" },
    h("label", { for: "playground-token" }, "Shown once: copy it now"),
    h("div", { class: "row tight" },
      h("input", { id: "playground-token", class: "mono", readonly: true, value: ui.playground.token }),
      button([icon("copy"), "Copy"], copy, { look: "primary" }),
      button("Simulate live view", simulate, { disabled: left <= 0 }),
      button("Done", forget)),
    h("small", null, left > 0 ? `Valid for ${duration(left)}; it cannot be refreshed.` : "This token has expired."));
}

function playgroundSection() {
  const { accounts } = store.state;
  return h("section", { class: "card" },
    h("h2", null, "Playground token"),
    h("p", { class: "muted" }, "Thirty minutes of reading one Playground device, with no app and no link."),
    h("form", { class: "row fields", onsubmit: mint },
      field("Account", { tag: "select", id: "playground-account", name: "account_id",
        children: options(accounts.map((owner) => [owner.id, fullName(owner)])) }),
      submit("Mint token", { disabled: accounts.length === 0 })),
    ui.playground !== null && playgroundToken());
}

function leap(seconds) {
  return report(act(control.advance(seconds)), `The clock moved on by ${duration(seconds)}.`);
}

function clockSection() {
  const leapBy = (event) => leap(Number(formValues(event).minutes) * 60);
  return h("section", { class: "card" },
    h("h2", null, "Clock"),
    h("p", { class: "clock" }, clockTime(now()), h("small", null, dateTime(now()).slice(0, 10), " UTC")),
    h("p", { class: "muted" }, "Move the cloud's time on; tokens, codes and nonces grow older with it."),
    h("div", { class: "row", role: "group", "aria-label": "Advance the clock" },
      LEAPS.map(([seconds, label]) => button(`+${label}`, () => leap(seconds), { name: `Advance by ${label}` }))),
    h("form", { class: "row fields", onsubmit: leapBy },
      field("Or by minutes", { id: "clock-minutes", name: "minutes", type: "number", min: 0.5, step: 0.5,
        required: true }),
      submit("Advance", { look: "plain" })));
}

export function tokensView() {
  const { faults } = store.state;
  return [
    heading("Tokens and faults",
      `Make Ring's bad days happen now. ${plural(faults.length, "fault")} waiting or spent.`),
    linksSection(),
    h("div", { class: "columns" },
      h("div", { class: "stack" }, faultsSection()),
      h("div", { class: "stack" }, playgroundSection(), clockSection())),
  ];
}
