// Says once that a person has begun with a page: programs that look through mail fetch pages, but don't type.

export function start() {
  document.addEventListener("input", (event) => {
    const card = event.target.closest("[data-begun]");
    if (!card) return;
    const { begun } = card.dataset;
    delete card.dataset.begun;
    // Nothing depends on it: sending the form says it, too.
    fetch(begun, { method: "POST", credentials: "same-origin", keepalive: true }).catch(() => {});
  });
}
