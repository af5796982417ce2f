// Finds what a person would point at: arguments[0] says what ('action' or 'field'), arguments[1] names it by
// its visible words. Answers an element, null when there is none yet, or a sentence when several answer to the name.
const [kind, wanted] = arguments;
const words = text => (text ?? '').replace(/\s+/g, ' ').trim();
const modals = document.querySelectorAll('dialog:modal');
const scope = modals.length ? modals[modals.length - 1] : document;
const visible = element => element.checkVisibility({ visibilityProperty: true });

const named = element => {
  const others = (element.getAttribute('aria-labelledby') ?? '').split(/\s+/).filter(Boolean);
  const byOthers = words(others.map(id => document.getElementById(id)?.textContent).join(' '));
  return byOthers || words(element.getAttribute('aria-label'));
};
const spoken = element => {
  if (!element.querySelector('[aria-hidden=true]')) return element.innerText;
  const copy = element.cloneNode(true);
  for (const silent of copy.querySelectorAll('[aria-hidden=true]')) silent.remove();
  return copy.textContent;
};
const actionName = element =>
  named(element) || words(spoken(element)) || words(element.value) || words(element.title);
const fieldNames = element =>
  [named(element), ...Array.from(element.labels ?? [], label => words(label.innerText))].filter(Boolean);

const actions =
  'button, a[href], summary, [role=button], [role=menuitem], [role=tab], [role=option], input[type=submit]';
const fields = 'input:not([type=hidden], [type=submit]), select, textarea, [contenteditable]';
const candidates = kind === 'action'
  ? Array.from(scope.querySelectorAll(actions), element => [element, [actionName(element)]])
  : Array.from(scope.querySelectorAll(fields), element => [element, fieldNames(element)]);

// The whole name wins over its beginning, so that "Email" finds "Email (optional)" but not beside a plain "Email".
for (const matches of [name => name === wanted, name => name.startsWith(wanted)]) {
  const found = candidates.filter(([element, names]) => names.some(matches) && visible(element));
  if (found.length === 1) return found[0][0];
  if (found.length > 1) return `${found.length} visible elements are called "${wanted}"`;
}
return null;
