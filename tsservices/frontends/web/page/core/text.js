// @ts-check
/**
 * The parts of texts and names: links, mentions of rooms and people, invisible characters.
 * Pure: independent of the document.
 */

/**
 * @typedef {{kind: "text" | "hidden", text: string}
 *   | {kind: "link", text: string, href: string, host: string}
 *   | {kind: "room", text: string, room: string, seq: number}} Piece
 */

/**
 * Fold a name for comparing. The server uses NFKC and case folding; lower case is nearly the
 * same, and a difference would only show a room twice.
 * @param {string} name
 */
export function fold(name) {
  return name.normalize("NFKC").toLowerCase().normalize("NFKC");
}

// Controls, marks that change the direction of writing, and separators that break lines: they
// could make a text look like another one. The server shows most of them as \x1b already.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g;

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`{}|\\^]+/giu;

const ROOM = /(?<![\p{L}\p{N}_#/&-])#([\p{L}\p{N}_-]{1,32})(?:\/(\d{1,15}))?(?![\p{L}\p{N}_-])/gu;

const TRAILING = /[.,;:!?…]$/u;

const BRACKETS = [["(", ")"], ["[", "]"]];

/**
 * Cut the sentence's signs off an address: "(see http://a.b/c)." ends at c.
 * @param {string} found
 */
function trimmed(found) {
  // Each character is counted once: a line of brackets must not stop the page.
  const surplus = BRACKETS.map(([open, close]) => found.split(close).length - found.split(open).length);
  let end = found.length;
  for (; end > 0; end--) {
    const last = found[end - 1];
    const pair = BRACKETS.findIndex(([, close]) => close === last);
    if (pair < 0 ? !TRAILING.test(last) : surplus[pair]-- <= 0) break;
  }
  return found.slice(0, end);
}

/**
 * The permitted target of a link; empty: there is none.
 *
 * An address with a name before an at sign is refused: people read the name as the host.
 * @param {string} text
 */
export function safeAddress(text) {
  HIDDEN.lastIndex = 0;
  if (HIDDEN.test(text)) return "";
  let url;
  try {
    url = new URL(text);
  } catch {
    return "";
  }
  const isWeb = url.protocol === "http:" || url.protocol === "https:";
  return isWeb && url.hostname && !url.username && !url.password ? url.href : "";
}

/**
 * The host of a link, if its text shows another one, because letters of another script may look
 * like Latin ones; otherwise empty.
 * @param {string} shown @param {string} href
 */
function hostUnlikeShown(shown, href) {
  const { hostname } = new URL(href);
  return shown.toLowerCase().startsWith(hostname, shown.indexOf("//") + 2) ? "" : hostname;
}

/**
 * Divide a text into pieces that are shown differently.
 * @param {string} text
 * @returns {Piece[]}
 */
export function pieces(text) {
  /** @type {Piece[]} */
  const found = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const shown = trimmed(match[0]);
    const href = safeAddress(shown);
    if (!href) continue;
    addRooms(found, text.slice(end, match.index));
    found.push({ kind: "link", text: shown, href, host: hostUnlikeShown(shown, href) });
    end = match.index + shown.length;
  }
  addRooms(found, text.slice(end));
  return found;
}

/** @param {Piece[]} found @param {string} text */
function addRooms(found, text) {
  let end = 0;
  for (const match of text.matchAll(ROOM)) {
    addHidden(found, text.slice(end, match.index));
    found.push({ kind: "room", text: match[0], room: match[1], seq: Number(match[2] ?? 0) });
    end = match.index + match[0].length;
  }
  addHidden(found, text.slice(end));
}

/** @param {Piece[]} found @param {string} text */
function addHidden(found, text) {
  let end = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > end) found.push({ kind: "text", text: text.slice(end, match.index) });
    found.push({ kind: "hidden", text: codeOf(match[0]) });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ kind: "text", text: text.slice(end) });
}

/** @param {string} character */
function codeOf(character) {
  const code = character.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
}

/**
 * Show invisible characters, for places without pieces: titles, notifications.
 * @param {string} text
 */
export function plainText(text) {
  return text.replace(HIDDEN, codeOf);
}

/**
 * Make a test whether a text mentions a nick.
 * @param {string} nick
 * @returns {(text: string) => boolean}
 */
export function mentionOf(nick) {
  if (!nick) return () => false;
  const escaped = fold(nick).replace(/[-/\\^$*+?.()|[\]{}]/g, "\\$&");
  const word = new RegExp(`(?<![\\p{L}\\p{N}_-])${escaped}(?![\\p{L}\\p{N}_-])`, "u");
  return (text) => word.test(fold(text));
}

/**
 * The hue of a name, from 0 to 359.
 * @param {string} name
 */
export function hueOf(name) {
  let hash = 2166136261;
  for (const character of fold(name)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619);
  }
  // The golden angle spreads few names best; near hues look alike.
  return Math.round(((hash >>> 0) % 997) * 137.508) % 360;
}
