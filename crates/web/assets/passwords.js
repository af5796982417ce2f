// Says what to think of a new password while it is typed. The server judges, as it will when the form is sent; nothing
// is kept there. Without this script it judges then alone.

const TYPING_PAUSE = 350;
// The question under way for each field, so that an earlier answer never replaces a later one.
const running = new WeakMap();

function show(meter, score, verdict, ok) {
  meter.dataset.score = String(Math.max(score, 1));
  meter.dataset.ok = String(ok);
  const words = meter.querySelector("[aria-live]");
  if (words.textContent !== verdict) words.textContent = verdict;
}

function clear(meter) {
  delete meter.dataset.score;
  delete meter.dataset.ok;
  meter.querySelector("[aria-live]").textContent = "";
}

async function ask(field, meter, request) {
  try {
    const body = new URLSearchParams({ password: field.value });
    const response = await fetch(field.dataset.strength, {
      method: "POST", body, credentials: "same-origin", signal: request.signal,
    });
    // Too many questions, or signed out: the form still says what is wrong.
    if (!response.ok) return clear(meter);
    const { score, verdict, ok } = await response.json();
    if (!request.signal.aborted) show(meter, score, verdict, ok);
  } catch (failure) {
    if (failure.name !== "AbortError") clear(meter);
  }
}

export function start() {
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.dataset?.strength) return;
    const meter = document.getElementById(`strength-${field.name}`);
    running.get(field)?.abort();
    if (!field.value) return clear(meter);
    const request = new AbortController();
    running.set(field, request);
    const pause = setTimeout(() => ask(field, meter, request), TYPING_PAUSE);
    request.signal.addEventListener("abort", () => clearTimeout(pause));
  });
}
