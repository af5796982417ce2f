// Small helps inside pages: copy and reveal buttons, times that stay true, fields that depend on others, typed
// confirmation. Buttons that need this script are hidden until it runs.
import { announce, expire } from "./announce.js";

/** Brings a new part of the page to life. */
export function enhance(root) {
  for (const button of root.querySelectorAll("[data-copy], [data-reveal], [data-open], [data-dismiss], [data-row]")) button.hidden = false;
  for (const form of root.querySelectorAll("form")) showDependents(form);
  for (const notice of root.querySelectorAll(".notice")) expire(notice);
  refreshTimes(root);
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    // Browsers keep the clipboard from pages that came by plain http.
    return selectInstead(button);
  }
  button.closest("[data-once]")?.setAttribute("data-kept", "");
  button.classList.add("copied");
  button.querySelector("use")?.setAttribute("href", `${document.body.dataset.icons}#check`);
  announce("Copied.");
  setTimeout(() => {
    button.classList.remove("copied");
    button.querySelector("use")?.setAttribute("href", `${document.body.dataset.icons}#copy`);
  }, 2000);
}

/** Selects what can't be copied from here, and says beside it what to press. */
function selectInstead(button) {
  const text = button.parentElement.querySelector("code");
  if (text) getSelection().selectAllChildren(text);
  let said = button.parentElement.querySelector(".copy-said");
  if (!said) {
    said = Object.assign(document.createElement("small"), { className: "copy-said" });
    said.setAttribute("role", "status");
    button.after(said);
  }
  const keys = /Mac|iP/.test(navigator.platform) ? "⌘ C" : "Ctrl C";
  said.textContent = text ? `Selected. Press ${keys} to copy it.` : `This browser does not allow copying here: ${button.dataset.copy}`;
}

function reveal(button) {
  const field = document.getElementById(button.dataset.reveal);
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  button.querySelector("use")?.setAttribute("href", `${document.body.dataset.icons}#${shown ? "eye-off" : "eye"}`);
}

/** Ticks all boxes of a row that can be ticked; if all are, none. */
function tickRow(button) {
  const boxes = [...button.closest(".matrix-row").querySelectorAll("input[type=checkbox]:enabled")];
  const all = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !all;
  announce(all ? "None ticked." : "All ticked.");
}

/** Shows the fields that matter for what is chosen, and hides the others. */
function showDependents(form) {
  for (const field of form.querySelectorAll("[data-shown-when]")) {
    const [name, value] = field.dataset.shownWhen.split("=");
    const is = new FormData(form).get(name);
    field.hidden = value.startsWith("!") ? is === value.slice(1) : is !== value;
  }
}

const DAY = 86_400;
// Up to how many seconds, and in which unit of how many. The server writes the same words.
const STEPS = [[3600, "minute", 60], [DAY, "hour", 3600], [30 * DAY, "day", DAY], [365 * DAY, "month", 30 * DAY], [Infinity, "year", 365 * DAY]];

/** "3 hours ago", in the page's language. */
function relative(date, now) {
  const seconds = Math.round((date - now) / 1000);
  if (Math.abs(seconds) < 60) return seconds > 0 ? "in under a minute" : "just now";
  const [, unit, length] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  const numeric = unit === "day" ? "auto" : "always";
  return new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric }).format(Math.trunc(seconds / length), unit);
}

function refreshTimes(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[data-relative]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const text = relative(date, now);
    if (time.textContent !== text) time.textContent = text;
    time.title = date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
}

/** Refuses a form whose confirmation was not typed exactly. */
function checkRetyped(event) {
  for (const field of event.target.querySelectorAll("[data-retype]")) {
    const matches = field.value.trim().toLowerCase() === field.dataset.retype.toLowerCase();
    field.setCustomValidity(matches ? "" : `Type ${field.dataset.retype} to confirm.`);
    if (!matches) {
      event.preventDefault();
      event.stopImmediatePropagation();
      field.reportValidity();
      return;
    }
  }
}

export function start() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("copy" in button.dataset) copy(button);
    if ("reveal" in button.dataset) reveal(button);
    if ("row" in button.dataset) tickRow(button);
    if ("dismiss" in button.dataset) button.closest(".notice").remove();
  });
  document.addEventListener("change", (event) => {
    if (event.target.form) showDependents(event.target.form);
  });
  document.addEventListener("input", (event) => {
    if ("retype" in event.target.dataset) event.target.setCustomValidity("");
  });
  // Capturing, so that a refused form is not sent by the dialog either.
  document.addEventListener("submit", checkRetyped, true);
  // Where a form says itself what comes next, it has the focus already.
  if (!document.querySelector("main [autofocus]")) document.querySelector("main [data-refusals]")?.focus();
  setInterval(() => refreshTimes(document), 30_000);
  // The notice has been read; a reload must not repeat it.
  const address = new URL(location.href);
  if (address.searchParams.has("done")) {
    address.searchParams.delete("done");
    history.replaceState(null, "", address);
  }
}
