// The control interface, as ring_cloud/README.md describes it.

function asSentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(whole) ? whole : `${whole}.`;
}

async function send(method, path, body) {
  const options = { method, cache: "no-store", headers: { accept: "application/json" } };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The local Ring cloud does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    throw new Error(asSentence(answer?.error ?? `the local Ring cloud answered ${response.status}`));
  }
  return answer;
}

const id = encodeURIComponent;
const account = (accountId, verb) => `/control/accounts/${id(accountId)}/${verb}`;

export const control = {
  state: () => send("GET", "/control/state"),
  saveApp: (app) => send("POST", "/control/apps", app),
  addAccount: (details) => send("POST", "/control/accounts", details),
  enable: (accountId, clientId, deviceIds) =>
    send("POST", account(accountId, "enable"), { client_id: clientId, device_ids: deviceIds }),
  confirm: (accountId, clientId) => send("POST", account(accountId, "confirm"), { client_id: clientId }),
  disable: (accountId, clientId) => send("POST", account(accountId, "disable"), { client_id: clientId }),
  share: (accountId, clientId, deviceId, shared) =>
    send("POST", account(accountId, shared ? "share" : "unshare"), { client_id: clientId, device_ids: [deviceId] }),
  addDevice: (accountId, family, name) => send("POST", account(accountId, "devices"), { family, name }),
  mintPlayground: (accountId) => send("POST", account(accountId, "playground"), {}),
  token: (accountId, clientId, action, extra) =>
    send("POST", account(accountId, "tokens"), { client_id: clientId, action, ...extra }),
  changeDevice: (deviceId, changes) => send("POST", `/control/devices/${id(deviceId)}`, changes),
  removeDevice: (deviceId) => send("DELETE", `/control/devices/${id(deviceId)}`),
  happen: (deviceId, event) => send("POST", `/control/devices/${id(deviceId)}/happen`, event),
  simulate: (token) => send("POST", "/control/playground/simulate", { access_token: token }),
  release: (reverse) => send("POST", "/control/deliveries/release", { reverse }),
  replay: () => send("POST", "/control/deliveries/replay", {}),
  addMischief: (prank) => send("POST", "/control/mischief", prank),
  removeMischief: (prankId) => send("DELETE", `/control/mischief/${id(prankId)}`),
  clearMischief: () => send("DELETE", "/control/mischief"),
  setSwitches: (changes) => send("POST", "/control/switches", changes),
  addFault: (fault) => send("POST", "/control/faults", fault),
  removeFault: (faultId) => send("DELETE", `/control/faults/${id(faultId)}`),
  clearFaults: () => send("DELETE", "/control/faults"),
  advance: (seconds) => send("POST", "/control/clock", { advance: seconds }),
};
