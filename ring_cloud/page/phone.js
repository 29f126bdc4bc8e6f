// The Ring app: choose an account, allow a partner app, choose devices, confirm.

import { control } from "./api.js";
import { h } from "./dom.js";
import { ask, report } from "./feedback.js";
import { alert, button, empty, field, formValues, heading, icon, statusChip, submit, tick } from "./parts.js";
import { account, act, appNamed, chooseAccount, devicesOf, linkOf, notify, store } from "./store.js";
import { fullName, permissionOf, plural } from "./words.js";

const ui = { screen: null, clientId: null, step: "consent", left: new Set(), busy: false, trouble: null };

function go(screen, changes = {}) {
  Object.assign(ui, { screen, step: "consent", trouble: null }, changes);
  notify();
  // What was pressed is gone now: without this a keyboard would start again at the top of the page.
  document.querySelector(".phone h2")?.focus({ preventScroll: true });
  const phone = document.querySelector(".phone");
  phone.scrollTop = 0;
  if (phone.getBoundingClientRect().top < 0) phone.scrollIntoView();
}

function statusOf(owner, clientId) {
  return linkOf(owner, clientId)?.status ?? "none";
}

async function attempt(title, work) {
  Object.assign(ui, { busy: true, trouble: null });
  notify();
  try {
    return await work();
  } catch (error) {
    ui.trouble = { title, text: error.message };
    return null;
  } finally {
    ui.busy = false;
    notify();
  }
}

async function enable(owner, app) {
  const shared = devicesOf(owner).filter((device) => !device.e2ee && !ui.left.has(device.id));
  const answer = await attempt(`${app.name} could not be enabled`, () =>
    act(control.enable(owner.id, app.client_id, shared.map((device) => device.id))));
  if (answer !== null) go("app", { clientId: app.client_id });
}

async function confirm(owner, app) {
  const answer = await attempt("This could not be confirmed", () => control.confirm(owner.id, app.client_id));
  if (answer === null) return;
  // The URL is whatever somebody registered: only a web page may be opened, never a script.
  if (/^https?:\/\//i.test(answer.location)) {
    window.location.assign(answer.location);
  } else {
    const text = `The Account Link URL of ${app.name} is not a web address.`;
    ui.trouble = { title: "There is no page to go to", text };
    notify();
  }
}

async function remove(owner, app) {
  const agreed = await ask({
    title: `Remove ${app.name}?`,
    text: "Ring takes back its access to all devices and revokes its tokens at once.",
    action: "Remove app",
  });
  if (!agreed) return;
  await report(act(control.disable(owner.id, app.client_id)), `${app.name} was removed.`);
  go("apps");
}

function bar(title, back) {
  return h("div", { class: "phone-bar" },
    back && button(icon("back"), back, { look: "quiet", name: "Back" }),
    h("h2", { tabindex: "-1" }, title));
}

function row(key, picture, title, text, onclick, more = null) {
  return h("li", { key },
    h("button", { type: "button", class: "phone-row", onclick },
      picture, h("span", null, h("strong", null, title), h("small", null, text), more), icon("next")));
}

function avatar(owner) {
  return h("span", { class: "avatar", "aria-hidden": "true" }, fullName(owner).charAt(0).toUpperCase());
}

function accountsScreen() {
  const open = (owner) => {
    chooseAccount(owner.id);
    go("apps");
  };
  return [
    bar("Who is using this phone?"),
    store.state.accounts.length === 0 && h("p", { class: "muted" }, "Nobody yet. Create an account with some devices."),
    h("ul", { class: "phone-list" }, store.state.accounts.map((owner) =>
      row(owner.id, avatar(owner), fullName(owner), `${owner.email} · ${plural(owner.devices.length, "device")}`,
        () => open(owner)))),
    button([icon("plus"), "New account"], () => go("new"), { look: "plain wide" }),
  ];
}

function newAccountScreen() {
  const create = async (event) => {
    const values = formValues(event);
    const details = { ...values, devices: Number(values.devices) };
    if ((await report(act(control.addAccount(details)), "The account was created.")) !== null) go("accounts");
  };
  return [
    bar("New account", () => go("accounts")),
    h("form", { class: "stack", onsubmit: create },
      field("First name", { id: "new-first", name: "first_name", required: true }),
      field("Last name", { id: "new-last", name: "last_name", required: true }),
      field("E-mail", { id: "new-email", name: "email", type: "email", required: true }),
      field("Devices", { id: "new-devices", name: "devices", type: "number", min: 0, max: 500, initial: 12 }),
      submit("Create account")),
  ];
}

function appsScreen(owner) {
  const { apps, accounts } = store.state;
  return [
    bar(`Apps for ${owner.first_name || fullName(owner)}`, accounts.length > 1 && (() => go("accounts"))),
    apps.length === 0
      ? empty("portal", "No apps yet", "A partner app has to be registered before you can enable it.",
        h("a", { class: "button", href: "#portal" }, "Open the developer portal"))
      : h("ul", { class: "phone-list" }, apps.map((app) =>
        row(app.client_id, h("span", { class: "avatar square", "aria-hidden": "true" }, icon("app")), app.name,
          "Partner app", () => go("app", { clientId: app.client_id, left: new Set() }),
          statusChip(statusOf(owner, app.client_id))))),
    accounts.length === 1 && button("Use another account", () => go("accounts"), { look: "link" }),
  ];
}

function steps(current) {
  return h("ol", { class: "steps", "aria-label": "Steps" }, ["Allow", "Devices", "Confirm"].map((label, index) =>
    h("li", { key: label, class: index < current ? "done" : "", "aria-current": index === current && "step" }, label)));
}

function trouble() {
  return ui.trouble && alert(ui.trouble.title, ui.trouble.text,
    h("a", { href: "#portal" }, "Check the URLs in the developer portal"));
}

function consentScreen(app) {
  return [
    bar(`Enable ${app.name}?`, () => go("apps")),
    steps(0),
    h("p", null, `${app.name} asks for access to:`),
    h("ul", { class: "consent" }, app.permissions.map(permissionOf).map(({ label, text }) =>
      h("li", { key: label }, icon("check"), h("span", null, h("strong", null, label), h("small", null, text))))),
    h("p", { class: "note" }, "You choose the devices next. You can remove the app here at any time."),
    h("div", { class: "phone-foot" },
      button("Not now", () => go("apps")),
      button("Allow", () => go("app", { step: "devices" }), { look: "primary" })),
  ];
}

function devicesScreen(owner, app) {
  const devices = devicesOf(owner);
  const open = devices.filter((device) => !device.e2ee);
  const count = open.filter((device) => !ui.left.has(device.id)).length;
  const choose = (deviceId, shared) => {
    if (shared) ui.left.delete(deviceId);
    else ui.left.add(deviceId);
    notify();
  };
  const chooseAll = () => {
    ui.left = count === open.length ? new Set(open.map((device) => device.id)) : new Set();
    notify();
  };
  return [
    bar("Choose devices", () => go("app")),
    steps(1),
    trouble(),
    h("div", { class: "between" },
      h("span", { class: "muted" }, `${count} of ${open.length} chosen`),
      button(count === open.length ? "Choose none" : "Choose all", chooseAll, { look: "link" })),
    h("fieldset", { class: "ticks" },
      h("legend", { class: "sr" }, `Devices that ${app.name} may use`),
      open.map((device) => tick(device.name, device.family_label, !ui.left.has(device.id),
        (shared) => choose(device.id, shared)))),
    open.length < devices.length && h("p", { class: "note" },
      `${plural(devices.length - open.length, "device")} with end-to-end encryption cannot be shared.`),
    h("div", { class: "phone-foot" },
      button(ui.busy ? `Asking ${app.name}…` : "Enable", () => enable(owner, app),
        { look: "primary", disabled: ui.busy || count === 0 })),
  ];
}

const WAITING_TEXT = {
  unclaimed: (app) => `${app.name} has been told. Confirm now, and follow the page that opens.`,
  awaiting: (app) => `You have confirmed; ${app.name} has yet to finish. If its page did not open, confirm again.`,
};

function confirmScreen(owner, app, status) {
  return [
    bar(app.name, () => go("apps")),
    steps(2),
    trouble(),
    h("div", { class: "big-state" }, icon("link"), statusChip(status), h("p", null, WAITING_TEXT[status](app))),
    button("Choose other devices", () => go("app", { step: "devices" }), { look: "link" }),
    h("div", { class: "phone-foot" },
      button("Remove app", () => remove(owner, app), { look: "danger plain" }),
      button(status === "awaiting" ? "Confirm again" : "Confirm", () => confirm(owner, app),
        { look: "primary", disabled: ui.busy })),
  ];
}

function linkedScreen(owner, app) {
  const link = linkOf(owner, app.client_id);
  const shared = new Set(link.device_ids);
  const open = devicesOf(owner).filter((device) => !device.e2ee);
  const count = open.filter((device) => shared.has(device.id)).length;
  const choose = (device, on) => report(act(control.share(owner.id, app.client_id, device.id, on)));
  return [
    bar(app.name, () => go("apps")),
    h("div", { class: "big-state good" }, icon("check"), statusChip("completed"),
      h("p", null, `${app.name} can use ${plural(count, "device")}.`),
      link.account_identifier && h("small", null, `Signed in there as ${link.account_identifier}`)),
    h("fieldset", { class: "ticks" },
      h("legend", { class: "sr" }, `Devices that ${app.name} may use`),
      open.map((device) => tick(device.name, device.family_label, shared.has(device.id), (on) => choose(device, on)))),
    h("div", { class: "phone-foot" },
      button("Remove app", () => remove(owner, app), { look: "danger plain" })),
  ];
}

function appScreen(owner, app) {
  if (ui.step === "devices") return devicesScreen(owner, app);
  const status = statusOf(owner, app.client_id);
  if (status === "completed") return linkedScreen(owner, app);
  return status in WAITING_TEXT ? confirmScreen(owner, app, status) : consentScreen(app);
}

function currentScreen(owner, app) {
  if (ui.screen === "new") return newAccountScreen();
  if (owner === null || ui.screen === "accounts") return accountsScreen();
  return ui.screen === "app" && app !== null ? appScreen(owner, app) : appsScreen(owner);
}

const REACHED = { none: 0, unclaimed: 1, awaiting: 3, completed: 4 };

function reachedBy(link) {
  const traded = link?.status === "unclaimed" && link.access_token_expires_at !== null;
  return traded ? 2 : REACHED[link?.status] ?? 0;
}

function behind(owner, app) {
  const reached = reachedBy(app === null || owner === null ? null : linkOf(owner, app.client_id));
  const stages = [
    ["You allow the app", "Ring posts a one-time code to the Token Exchange URL.", app?.token_exchange_url],
    ["The app trades the code", "It has 60 seconds to turn the code into tokens.", null],
    ["You confirm", "Ring sends your browser to the Account Link URL.", app?.account_link_url],
    ["The app completes the link", "It proves that it knows the signing key; then data flows.", null],
  ];
  return h("aside", { class: "behind", "aria-labelledby": "behind-title" },
    h("h2", { id: "behind-title" }, "What happens behind the glass"),
    h("ol", null, stages.map(([title, text, url], index) =>
      h("li", { key: title, class: index < reached ? "done" : "" },
        h("strong", null, title), h("p", null, text),
        url && h("code", null, url)))),
    app !== null && h("p", { class: "muted" }, `Shown for ${app.name}.`));
}

export function phoneView() {
  ui.screen ??= store.state.accounts.length === 1 ? "apps" : "accounts";
  const owner = account();
  const app = ui.clientId === null ? null : appNamed(ui.clientId);
  return [
    heading("Ring app", "What a Ring customer does on the phone to link a partner app."),
    h("div", { class: "phone-layout" },
      h("section", { class: "phone", "aria-label": "Ring app" }, currentScreen(owner, app)),
      behind(owner, app ?? store.state.apps[0] ?? null)),
  ];
}
