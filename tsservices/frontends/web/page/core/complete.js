// @ts-check
/** Completion of words. Pure. */
import { fold } from "./text.js";

/**
 * @typedef {object} Sources
 * @property {{name: string, usage: string, meaning: string}[]} commands
 * @property {string[]} rooms without a sign
 * @property {string[]} nicks the last speaker first
 */
/** @typedef {{text: string, note: string}} Candidate text replaces the word */
/** @typedef {{start: number, end: number, candidates: Candidate[]}} Completion */

/** Names that are offered; all commands are. */
const MOST = 12;

/**
 * @param {string} text @param {number} caret @param {Sources} sources
 * @returns {Completion | null} null: nothing to complete
 */
export function complete(text, caret, sources) {
  // Not by an expression: one for the end of a long text would begin at each character of it.
  let start = caret;
  while (start > 0 && /\S/.test(text[start - 1])) start--;
  if (start === caret) return null;
  const word = text.slice(start, caret);
  const found = candidates(word, start, sources, text);
  return found.length ? { start, end: caret, candidates: found } : null;
}

/** @param {string} word @param {number} start @param {Sources} sources @param {string} text */
function candidates(word, start, sources, text) {
  if (start === 0 && word.startsWith("/") && !word.startsWith("//")) {
    const begun = fold(word.slice(1));
    return sources.commands
      .filter((command) => command.name.startsWith(begun))
      .map((command) => ({ text: `/${command.name} `, note: `${command.usage} — ${command.meaning}` }));
  }
  const sign = word[0] === "#" || word[0] === "@" ? word[0] : "";
  const begun = fold(word.slice(sign.length));
  const matches = (/** @type {string} */ name) => fold(name).startsWith(begun);
  const rooms = sources.rooms.filter(matches).map((name) => ({ text: `#${name} `, note: "room" }));
  // A nick at the beginning of a text gets a colon; an argument does not.
  const end = start === 0 ? ": " : " ";
  const nicks = sources.nicks.filter(matches).map((name) => ({ text: name + end, note: "" }));
  const names = sign === "#" ? rooms : sign === "@" || !/^\/(join|part|invite)\s/.test(text) ? nicks : rooms.concat(nicks);
  return names.slice(0, MOST);
}

/** What to do with the typed text. */
/** @typedef {{do: "nothing"} | {do: "command", line: string} | {do: "say", text: string}
 *   | {do: "hold", why: string}} Intent */

const SECRET = /^\s*(?:\p{P}\s*)?(?:[/⁄∕／\\]\s*)?(register|passwd|login|reset|resume)(\s|$)/iu;

/**
 * Whether a text is a command or something to say.
 *
 * A command is one typed line. Pasted text is never one, because a copied page must not give
 * commands; if it looks like a command with a password, it is not said either.
 * @param {string} text @param {boolean} pasted whether its beginning was pasted
 * @returns {Intent}
 */
export function intentOf(text, pasted) {
  if (!text.trim()) return { do: "nothing" };
  const trimmed = text.trimEnd();
  if (trimmed.startsWith("//")) return { do: "say", text: trimmed.slice(1) };
  if (!trimmed.startsWith("/")) return { do: "say", text: trimmed };
  if (pasted) {
    return SECRET.test(trimmed)
      ? { do: "hold", why: "This was pasted and looks like a command with a password: it was not sent. To give the command, type its first character." }
      : { do: "say", text: trimmed };
  }
  if (trimmed.includes("\n")) {
    return { do: "hold", why: "A command is one line. To say this as text, begin with //." };
  }
  return { do: "command", line: trimmed };
}
