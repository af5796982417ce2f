// Ctrl K: pages, actions that the current page offers, and users, groups and roles found by the server as one types.
import { icon } from "./announce.js";
import { fetchFragment } from "./fragments.js";
import { isComposing } from "./keys.js";

const TYPING_PAUSE = 120;
const MOST_OF_A_KIND = 6;
let asked = 0;
let pause;

/** The links that this page offers, as options. */
function placesMatching(typed) {
  const seen = new Set();
  const options = [];
  for (const link of document.querySelectorAll("a[data-palette]")) {
    const label = link.textContent.trim();
    if (seen.has(link.href) || !label.toLowerCase().includes(typed.toLowerCase())) continue;
    seen.add(link.href);
    const option = document.createElement("a");
    option.setAttribute("role", "option");
    option.tabIndex = -1;
    option.id = `place-${options.length}`;
    option.href = link.href;
    const name = link.querySelector("use")?.getAttribute("href").split("#")[1] ?? "next";
    option.append(icon(name), label);
    if ("dialog" in link.dataset) option.dataset.dialog = "";
    options.push(option);
  }
  return options;
}

/** What one of the server's lists finds, as options it has drawn. */
async function foundAt(path, typed) {
  const address = new URL(path, location.href);
  address.searchParams.set("q", typed);
  const response = await fetchFragment(address.href, "palette");
  if (!response?.ok) return [];
  const holder = document.createElement("template");
  holder.innerHTML = await response.text();
  return [...holder.content.querySelectorAll("[role=option]")].slice(0, MOST_OF_A_KIND);
}

/** Users, groups and roles that the server finds. */
async function found(typed) {
  const lists = document.body.dataset.find.split(" ").filter(Boolean);
  const kinds = await Promise.all(lists.map((path) => foundAt(path, typed).catch(() => [])));
  return kinds.flat();
}

function choose(input, list, option) {
  for (const other of list.children) other.setAttribute("aria-selected", String(other === option));
  if (option) {
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function fill(input, list, options) {
  list.replaceChildren(...options);
  input.setAttribute("aria-expanded", String(options.length > 0));
  choose(input, list, options[0]);
}

function update(input, list) {
  const typed = input.value.trim();
  const turn = ++asked;
  const places = placesMatching(typed);
  fill(input, list, places);
  clearTimeout(pause);
  if (!typed) return;
  pause = setTimeout(async () => {
    const records = await found(typed);
    if (turn === asked) fill(input, list, [...records, ...places]);
  }, TYPING_PAUSE);
}

export function start() {
  const palette = document.getElementById("palette");
  if (!palette) return;
  const input = document.getElementById("palette-input");
  const list = document.getElementById("palette-list");

  palette.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    input.value = "";
    update(input, list);
    input.focus();
  });
  input.addEventListener("input", () => update(input, list));
  input.addEventListener("keydown", (event) => {
    // Enter and the arrows choose among what the input method offers.
    if (isComposing(event)) return;
    const options = [...list.children];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (options.length) choose(input, list, options[(at + step + options.length) % options.length]);
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      options[at].click();
    }
  });
  // Closed first: what is chosen may open a dialog of its own.
  list.addEventListener("click", () => palette.close());
}
