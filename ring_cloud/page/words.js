// How the cloud's terms read to a person.

const FAMILY_ICONS = {
  doorbell: "doorbell", camera: "camera", multi_camera: "cameras", plain_camera: "camera", chime: "chime",
  contact: "door", new_sensor: "door", flood_freeze: "drop", mains_sensor: "drop", glass_break: "glass",
  temperature_humidity: "thermometer", air_quality: "air", smoke_co_listener: "flame",
};

export function iconOf(device) {
  return FAMILY_ICONS[device.family] ?? "spark";
}

// Values that mean something else than they say.
export function meaning({ key, value }) {
  return key === "battery" && value === 255 ? "255 is what Ring reports for mains power" : null;
}

export const LINK_STATUS = {
  none: { label: "Not enabled", tone: "calm" },
  unclaimed: { label: "Enabled, waiting for confirmation", tone: "waiting" },
  awaiting: { label: "Confirmed, waiting for the app", tone: "waiting" },
  completed: { label: "Linked", tone: "good" },
};

// An app's permissions are at the same time the kinds of devices that they open.
const PERMISSIONS = {
  cameras: { label: "Cameras and doorbells", text: "Motion, doorbell presses, live view and recordings" },
  sensors: { label: "Sensors", text: "Doors and windows, water, climate, air and alarms" },
  chimes: { label: "Chimes", text: "Play a sound on your chimes" },
  account: { label: "Account", text: "Your name, your e-mail address and the state of this link" },
};

export function permissionOf(name) {
  return PERMISSIONS[name] ?? { label: sentence(name), text: "" };
}

export function sentence(key) {
  const words = key.replaceAll("_", " ").replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const MOTIONS = {
  motion: "Motion", human: "A person walked past", vehicle: "A vehicle drove past", package: "A package was left",
  animal: "An animal walked past", other_motion: "Something moved",
};
const EVENTS = { button_press: "The bell was rung", on_demand: "Live view started" };

export function eventName(type, subType) {
  return MOTIONS[subType] ?? EVENTS[type] ?? sentence(type);
}

export function fullName(owner) {
  return [owner.first_name, owner.last_name].filter(Boolean).join(" ") || owner.email || "Nameless account";
}

// A moment as a person puts it: beside "Last heard".
export function ago(seconds, then) {
  return then <= 0 ? "never" : `${duration(seconds - then)} ago`;
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** Two units are enough to read: "3 h 59 min", "4 min 09 s". */
export function duration(seconds) {
  let rest = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([, size]) => rest >= size);
  if (first === -1) return "0 s";
  const parts = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (parts.length === 0) parts.push(`${count} ${unit}`);
    else if (count > 0) parts.push(`${String(count).padStart(2, "0")} ${unit}`);
  }
  return parts.join(" ");
}

export function clockTime(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

export function dateTime(seconds) {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
