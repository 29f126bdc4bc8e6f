// What the page says back: toasts for results, a dialog before anything that cannot be undone.

import { h, render } from "./dom.js";
import { icon } from "./parts.js";

const STAYS_MS = { good: 4000, bad: 9000 };

export function toast(text, kind = "good") {
  const shelf = document.getElementById("toasts");
  // Saying the same thing twice in a row would only cover more of the page.
  if (shelf.lastElementChild?.textContent === text) shelf.lastElementChild.remove();
  const item = document.createElement("div");
  item.className = `toast ${kind}`;
  item.setAttribute("role", kind === "bad" ? "alert" : "status");
  render(
    item,
    icon(kind === "bad" ? "warning" : "check"),
    h("span", null, text),
    h("button", { class: "quiet small", type: "button", "aria-label": "Dismiss", onclick: () => item.remove() },
      icon("close")),
  );
  while (shelf.children.length >= 3) shelf.firstElementChild.remove();
  shelf.append(item);
  setTimeout(() => item.remove(), STAYS_MS[kind]);
}

/** Run what a person asked for and say how it ended; the answer, or null when it failed. */
export async function report(promise, done) {
  try {
    const answer = await promise;
    if (done) toast(done);
    return answer ?? {};
  } catch (error) {
    toast(error.message, "bad");
    return null;
  }
}

/** Resolves to true when the person agrees; Escape and a click on Cancel are a no. */
export function ask({ title, text, action }) {
  const dialog = document.getElementById("ask");
  render(
    dialog,
    h("form", { method: "dialog" },
      h("h2", { id: "ask-title" }, title),
      h("p", null, text),
      h("div", { class: "row end" },
        h("button", { value: "no", class: "plain" }, "Cancel"),
        h("button", { value: "yes", class: "danger" }, action))),
  );
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
  });
}
