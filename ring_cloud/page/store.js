// The cloud's state as last seen, what the person has just changed, and who wants to know.

import { control } from "./api.js";

const POLL_MS = 2000;
const LISTENERS = new Set();

export const store = { state: null, reachable: true, accountId: null };

let seenAt = 0; // performance.now() of the answer that `store.state` came in
let issued = 0;
let applied = 0;
let timer = null;
const changes = new Map(); // device id -> changes not yet confirmed, oldest first

export function subscribe(listener) {
  LISTENERS.add(listener);
}

export function notify() {
  for (const listener of LISTENERS) listener();
}

export async function refresh() {
  const mine = ++issued;
  try {
    const state = await control.state();
    if (mine <= applied) return; // overtaken by a change or a newer answer
    applied = mine;
    store.state = state;
    store.reachable = true;
    seenAt = performance.now();
  } catch {
    store.reachable = false;
  }
  notify();
}

/** Do something, then show what became of it; answers already under way describe the past and are dropped. */
export async function act(promise) {
  try {
    return await promise;
  } finally {
    applied = issued;
    await refresh();
  }
}

export function startPolling() {
  const tick = async () => {
    await refresh();
    if (!document.hidden) timer = setTimeout(tick, POLL_MS);
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) tick();
  });
  tick();
}

/** The cloud's clock, carried forward since it was last read. */
export function now() {
  return store.state === null ? 0 : store.state.time + (performance.now() - seenAt) / 1000;
}

export function account() {
  const accounts = store.state?.accounts ?? [];
  return accounts.find((candidate) => candidate.id === store.accountId) ?? accounts[0] ?? null;
}

export function chooseAccount(accountId) {
  store.accountId = accountId;
  notify();
}

export function appNamed(clientId) {
  return store.state.apps.find((app) => app.client_id === clientId) ?? null;
}

export function linkOf(owner, clientId) {
  return owner.links.find((link) => link.client_id === clientId) ?? null;
}

export function devicesOf(owner) {
  return owner.devices.map((device) => withChanges(device, changes.get(device.id)));
}

function withChanges(device, pending) {
  if (pending === undefined) return device;
  const merged = Object.assign({}, ...pending);
  const controls = device.controls.map((item) => (item.key in merged ? { ...item, value: merged[item.key] } : item));
  return { ...device, ...pick(merged, ["name", "online", "e2ee"]), controls };
}

function pick(source, names) {
  return Object.fromEntries(names.filter((name) => name in source).map((name) => [name, source[name]]));
}

/** Shown at once; taken back when the cloud refuses it. */
export async function changeDevice(deviceId, change) {
  changes.set(deviceId, [...(changes.get(deviceId) ?? []), change]);
  notify();
  try {
    await act(control.changeDevice(deviceId, change));
  } finally {
    const left = changes.get(deviceId).filter((other) => other !== change);
    if (left.length > 0) changes.set(deviceId, left);
    else changes.delete(deviceId);
    notify();
  }
}
