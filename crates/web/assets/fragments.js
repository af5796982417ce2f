// Replaces a part of the page with the same part of another address: search as one types, sorting, paging, filters.
// The server renders that part alone when asked with the header `Muster-Fragment`; without this script, links and
// forms lead to the whole page.
import { announce } from "./announce.js";
import { enhance } from "./controls.js";

const TYPING_PAUSE = 160;
let running = null;

/** Asks for one block of a page. Answers null when the page must be loaded whole (signed out, an error). */
export async function fetchFragment(url, name, options = {}) {
  const response = await fetch(url, {
    ...options,
    credentials: "same-origin",
    headers: { ...options.headers, "Muster-Fragment": name },
  });
  return response.headers.get("Muster-Fragment") === name ? response : null;
}

/** Shows `url` in the region `name`. `history` is "push", "replace" or "none". */
export async function show(url, name, history = "push") {
  const region = document.querySelector(`[data-fragment="${name}"]`);
  running?.abort();
  const request = running = new AbortController();
  region.setAttribute("aria-busy", "true");
  try {
    const response = await fetchFragment(url, name, { signal: request.signal });
    if (!response?.ok) return void location.assign(url);
    const html = await response.text();
    if (request.signal.aborted) return;
    swap(region, html);
    if (history === "push") window.history.pushState(null, "", url);
    if (history === "replace") window.history.replaceState(null, "", url);
    announce(region.querySelector("[data-announce]")?.dataset.announce);
  } catch (failure) {
    if (failure.name !== "AbortError") announce("The server did not answer. Try again.");
  } finally {
    if (running === request) region.removeAttribute("aria-busy");
  }
}

/** Shows the region again as it is now. */
export function refresh(name) {
  return show(location.href, name, "none");
}

/** Replaces what is in a region and puts the focus back on the element of the same id. */
function swap(region, html) {
  const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
  region.innerHTML = html;
  enhance(region);
  const summary = region.querySelector("[data-summary]")?.dataset.summary;
  if (summary) document.getElementById("summary").textContent = summary;
  if (focused) (document.getElementById(focused) ?? region.querySelector("a, button, input"))?.focus();
}

/** The current address with a search in it, back on the first page. */
function searchAddress(form) {
  const url = new URL(location.href);
  url.searchParams.delete("page_token");
  url.searchParams.delete("done");
  for (const [name, value] of new FormData(form)) {
    if (form.elements[name]?.type === "hidden") continue;
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  return url.href;
}

export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    const region = link.closest("[data-fragment]");
    if (!region) return;
    event.preventDefault();
    link.closest("[popover]")?.hidePopover();
    show(link.href, region.dataset.fragment);
  });

  let pause;
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-live]");
    if (!form) return;
    clearTimeout(pause);
    pause = setTimeout(() => show(searchAddress(form), form.dataset.live, "replace"), TYPING_PAUSE);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-live]");
    if (!form) return;
    event.preventDefault();
    clearTimeout(pause);
    show(searchAddress(form), form.dataset.live, "replace");
  });

  window.addEventListener("popstate", () => {
    const region = document.querySelector("[data-fragment]");
    if (!region) return;
    const query = new URL(location.href).searchParams.get("q") ?? "";
    const search = document.getElementById("search");
    if (search) search.value = query;
    show(location.href, region.dataset.fragment, "none");
  });
}
