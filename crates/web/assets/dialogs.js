// Shows a page's block `dialog` over the current page, and sends its form without leaving. Without this script the
// same link leads to the same question as a page of its own.
//
// What the server answers to the form: 200, 409 or 422 with the block again (a result to read, or refusals), or 204
// with `Muster-Location` (where the page would have gone), `Muster-Notice` (what was done) and, if there is nothing left
// to show of what it was about, `Muster-Gone`. Who was signed out meanwhile gets 401 with `Muster-Sign-In`, where to do it.
import { icon, notify } from "./announce.js";
import { enhance } from "./controls.js";
import { fetchFragment, refresh } from "./fragments.js";
import { isComposing } from "./keys.js";
import { mayClose } from "./leaving.js";

let opener = null;

/** Fills the dialog and opens it. */
function present(html) {
  const dialog = document.getElementById("dialog");
  dialog.innerHTML = html;
  enhance(dialog);
  if (!dialog.open) dialog.showModal();
  const first = dialog.querySelector("[data-refusals]") ?? dialog.querySelector("[autofocus]");
  first?.focus();
}

async function open(link) {
  // What leads on from inside the dialog is gone with what it stood in.
  if (!link.closest("dialog")) opener = link;
  link.setAttribute("aria-busy", "true");
  try {
    const response = await fetchFragment(link.href, "dialog");
    if (!response) return void location.assign(link.href);
    present(await response.text());
  } catch {
    notify("The server did not answer. Try again.", "red");
  } finally {
    link.removeAttribute("aria-busy");
  }
}

/** Says above the form that nobody is signed in any more. What was typed stays. */
function askToSignIn(form, address) {
  const said = document.createElement("div");
  said.className = "refusals tone-amber";
  said.setAttribute("role", "alert");
  said.tabIndex = -1;
  const link = Object.assign(document.createElement("a"), {
    className: "text-link", href: address, target: "_blank", rel: "noopener", textContent: "Sign in in a new tab",
  });
  const text = document.createElement("div");
  const title = Object.assign(document.createElement("b"), { textContent: "You were signed out." });
  const line = document.createElement("p");
  line.append(link, ", then try again. What you typed stays here.");
  text.append(title, line);
  said.append(icon("alert"), text);
  form.parentElement.querySelector(":scope > .refusals")?.remove();
  form.before(said);
  said.focus();
}

async function send(form, button) {
  if (button?.getAttribute("aria-busy") === "true") return;
  button?.setAttribute("aria-busy", "true");
  try {
    const body = new URLSearchParams(new FormData(form, button));
    const response = await fetchFragment(form.action, "dialog", { method: "POST", body });
    const signIn = response?.headers.get("Muster-Sign-In");
    if (signIn) return void askToSignIn(form, signIn);
    if (!response) return void notify("That did not work. Reload the page and look before you try again.", "red");
    if (response.status !== 204) return void present(await response.text());
    const dialog = document.getElementById("dialog");
    dialog.replaceChildren();
    dialog.close();
    const region = document.querySelector("[data-fragment]");
    const onwards = response.headers.get("Muster-Location");
    const isGone = response.headers.has("Muster-Gone") && location.pathname !== new URL(onwards, location.href).pathname;
    if (!region || isGone) return void location.assign(onwards);
    await refresh(region.dataset.fragment);
    notify(decodeURIComponent(response.headers.get("Muster-Notice") ?? ""));
  } catch {
    notify("The server did not answer. Look before you try again.", "red");
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

export function start() {
  const dialog = document.getElementById("dialog");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (link && dialog && !(event.metaKey || event.ctrlKey || event.shiftKey)) {
      event.preventDefault();
      link.closest("[popover]")?.hidePopover();
      open(link);
      return;
    }
    const close = event.target.closest("dialog [data-close]");
    if (close) {
      event.preventDefault();
      close.closest("dialog").close();
    }
    const opens = event.target.closest("[data-open]");
    if (opens) {
      opens.closest("[popover]")?.hidePopover();
      document.getElementById(opens.dataset.open).showModal();
    }
  });

  // Escape. Not by "cancel" alone: browsers let a second Escape through whatever that answers.
  dialog?.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !isComposing(event) && !mayClose(dialog)) event.preventDefault();
  });
  dialog?.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    event.preventDefault();
    send(event.target, event.submitter);
  });
  dialog?.addEventListener("close", () => {
    dialog.replaceChildren();
    // A link inside a menu is gone by now; its menu's button is where one came from.
    const menu = opener?.closest("[popover]");
    (menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : opener)?.focus();
  });
}
