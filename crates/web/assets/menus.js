// Menus are popovers that the browser opens, places and closes. This adds the arrow keys, and narrowing by typing.

import { isComposing } from "./keys.js";

/** What can be stepped through in a menu, in order. */
function items(menu) {
  return [...menu.querySelectorAll("a.menu-item, button.menu-item")].filter((item) => !item.hidden);
}

/** Moves the focus by `step` items, around the ends. */
function move(menu, step) {
  const all = items(menu);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length;
  all[next].focus();
}

/** Leaves only the items of which a word begins with what was typed. */
function narrow(menu, typed) {
  const wanted = typed.trim().toLowerCase();
  for (const item of menu.querySelectorAll("[data-words]")) {
    const words = item.dataset.words.toLowerCase().split(/[\s,]+/);
    item.hidden = wanted !== "" && !words.some((word) => word.startsWith(wanted));
  }
}

export function start() {
  document.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    const menu = event.target.closest?.(".menu:popover-open")
      ?? (event.target.getAttribute?.("popovertarget")
        && document.querySelector(`#${CSS.escape(event.target.getAttribute("popovertarget"))}.menu`));
    if (!menu) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!menu.matches(":popover-open")) event.target.click();
      move(menu, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Home" || event.key === "End") {
      if (event.target.tagName === "INPUT") return;
      event.preventDefault();
      items(menu).at(event.key === "Home" ? 0 : -1)?.focus();
    }
  });

  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-narrow]");
    if (form) narrow(document.getElementById(form.dataset.narrow), event.target.value);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-narrow]");
    if (!form) return;
    const left = items(document.getElementById(form.dataset.narrow));
    // One left: that is the one. Several or none: the server says what the word can mean.
    if (left.length === 1) {
      event.preventDefault();
      left[0].click();
    }
  });
  document.addEventListener("toggle", (event) => {
    if (event.newState === "open") event.target.querySelector?.("form[data-narrow] input[type=text]")?.focus();
  }, true);
}
