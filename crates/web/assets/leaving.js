// Asks before what somebody typed, or what is shown this once, is lost. Pages before signing in ask nothing: what is typed
// there is short, and browsers fill it in.

// Forms that are on their way: leaving with them loses nothing.
const sent = new WeakSet();

function isFieldChanged(field) {
  if (!field.name || field.type === "hidden" || field.disabled || field.readOnly) return false;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") {
    const chosen = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(chosen, 0);
  }
  return "defaultValue" in field && field.value !== field.defaultValue;
}

/** Whether a form holds what was typed and not saved. */
function isChanged(form) {
  if (form.method !== "post" || sent.has(form)) return false;
  return "unsaved" in form.dataset || [...form.elements].some(isFieldChanged);
}

/** Whether something in there would be lost. */
export function wouldLose(root) {
  return isUnread(root) || [...root.querySelectorAll("form")].some(isChanged);
}

/** Whether a secret stands there that nobody has copied or gone on from. */
function isUnread(root) {
  return root.querySelector("[data-once]:not([data-kept])") !== null;
}

/** Asks whether a dialog may go; one that shows something this once goes by its own button alone. */
export function mayClose(dialog) {
  if (isUnread(dialog)) return false;
  return !wouldLose(dialog) || confirm("Discard what you typed?");
}

export function start() {
  const places = ["main", "#dialog[open]"];
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) sent.add(event.target);
  });
  document.addEventListener("input", (event) => {
    if (event.target.form) sent.delete(event.target.form);
  });
  document.addEventListener("click", (event) => {
    event.target.closest("a[data-kept]")?.closest("[data-once]")?.setAttribute("data-kept", "");
    // "Cancel" says itself what it does.
    const form = event.target.closest("a[data-close]")?.closest("form");
    if (form) sent.add(form);
  });
  window.addEventListener("beforeunload", (event) => {
    if (!document.querySelector(".shell")) return;
    const here = places.map((place) => document.querySelector(place)).filter(Boolean);
    if (here.some(wouldLose)) event.preventDefault();
  });
}
