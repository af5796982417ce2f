// Keys for those who rarely touch the mouse. Single keys can be switched off (WCAG 2.1.4); the choice stays in this
// browser.
import { isComposing, latinKey } from "./keys.js";

const SETTING = "muster.single-keys";

function singleKeysOn() {
  try {
    return localStorage.getItem(SETTING) !== "off";
  } catch {
    return true;
  }
}

/** Whether the keys belong to what is focused, or to a dialog or menu that is open. */
function isTaken(event) {
  return event.target.closest?.("input, textarea, select, [contenteditable]")
    || document.querySelector("dialog[open], [popover]:popover-open");
}

/** Steps the focus through the rows of the list. */
function step(by) {
  const rows = [...document.querySelectorAll(".row-link")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(at + by, 0), rows.length - 1)].focus();
}

const KEYS = {
  "/": () => document.getElementById("search")?.select(),
  "?": () => document.getElementById("shortcuts")?.showModal(),
  j: () => step(1),
  k: () => step(-1),
  e: () => {
    const address = document.activeElement?.closest("[data-edit]")?.dataset.edit
      ?? document.querySelector(".page-head[data-edit]")?.dataset.edit;
    if (address) location.assign(address);
  },
};

export function start() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isComposing(event)) return;
    const key = latinKey(event);
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "k") {
      const palette = document.getElementById("palette");
      if (!palette || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      palette.showModal();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event) || !singleKeysOn()) return;
    const act = KEYS[key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  const box = document.getElementById("single-keys");
  if (!box) return;
  box.checked = singleKeysOn();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(SETTING, box.checked ? "on" : "off");
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  });
}
