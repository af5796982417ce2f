// What a key means, whatever keyboard and input method it comes from.

/** Whether the key belongs to an input method that is putting a word together (229: browsers that say so no other way). */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** The key as a Latin keyboard has it: on layouts of other scripts, what stands at its place. */
export function latinKey(event) {
  if (event.key.length !== 1 || event.key <= "~") return event.key;
  const letter = /^Key([A-Z])$/.exec(event.code);
  if (letter) return event.shiftKey ? letter[1] : letter[1].toLowerCase();
  if (event.code === "Slash") return event.shiftKey ? "?" : "/";
  return event.key;
}
