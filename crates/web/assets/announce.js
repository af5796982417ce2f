// Says what happened: to those who listen (the live region) and, as a notice, to those who look.

/** Says `text` through the page's live region. */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (!region || !text) return;
  // The same words twice are read twice only when the region was empty in between.
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 60);
}

/** Shows `text` in a corner for a while, and says it. */
export function notify(text, tone = "green") {
  const place = document.getElementById("notices");
  if (!place || !text) return;
  const notice = document.createElement("div");
  notice.className = `notice tone-${tone}`;
  notice.append(icon(tone === "red" ? "problem" : "done"));
  notice.append(Object.assign(document.createElement("span"), { textContent: text }));
  const close = Object.assign(document.createElement("button"), { type: "button", className: "icon-button" });
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("close"));
  notice.append(close);
  place.replaceChildren(notice);
  announce(text);
  expire(notice);
}

/** Removes a notice after ten seconds, unless someone is on it. */
export function expire(notice) {
  setTimeout(() => {
    if (notice.matches(":hover, :focus-within")) expire(notice);
    else notice.remove();
  }, 10_000);
}

/** An icon of the sprite, as the templates write it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}
