// @ts-check
/**
 * Actions and the server's answers, in the words of the other frontends. Pure.
 */
import { fullText, clockText, durationText, milliseconds, plural } from "./times.js";

/** @typedef {import("./history.js").Line} Line */
/** @typedef {import("./wire.js").Unit} Unit */

/** The kinds of messages of people. */
export const TALK = new Set(["message", "me", "notice"]);

const UNITS = { s: "second", m: "minute", h: "hour", d: "day", w: "week" };

/** The meanings of modes. */
export const MODES = {
  i: "by invitation only",
  k: "whoever joins has to name the key",
  l: "only so many people may be in it",
  m: "only operators, and members with voice, speak",
  n: "only members speak",
  s: "not in lists of rooms",
  t: "only operators set the topic",
};

const RANKS = { operator: "operator", founder: "founder", server: "operator of this server" };

/** @param {string} rank */
export const rankText = (rank) => RANKS[/** @type {keyof RANKS} */ (rank)] ?? "";

/** @param {string} text */
const inParentheses = (text) => (text ? ` (${text})` : "");

/** @param {string} text */
const afterColon = (text) => (text ? `: ${text}` : "");

/** @param {string} text a word, and the rest @returns {[string, string]} */
function parted(text) {
  const end = text.indexOf(" ");
  return end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 1)];
}

/** @param {string} duration as in a line: 2h, or forever */
function forDuration(duration) {
  const unit = UNITS[/** @type {keyof UNITS} */ (duration.at(-1) ?? "")];
  const count = Number(duration.slice(0, -1));
  return unit && Number.isInteger(count) ? `for ${plural(count, unit)}` : "for ever";
}

/** @param {string} before @param {string} [after] @returns {(line: Line) => string} */
const toPerson = (before, after = "") => (line) => {
  const [name, why] = parted(line.text);
  return `${line.nick} ${before} ${name}${after}${afterColon(why)}`;
};

/** @param {string} verb @returns {(line: Line) => string} */
const restrained = (verb) => (line) => {
  const [name, end] = parted(line.text);
  const [duration, why] = parted(end);
  return `${line.nick} ${verb} ${name} ${forDuration(duration)}${afterColon(why)}`;
};

/** @type {Record<string, (line: Line) => string>} */
const ACTIONS = {
  topic: (line) => `${line.nick} ${line.text ? "changed" : "removed"} the topic${line.text ? ` to: ${line.text}` : ""}`,
  kick: toPerson("kicked"),
  ban: restrained("banned"),
  unban: toPerson("unbanned"),
  mute: restrained("muted"),
  unmute: toPerson("unmuted"),
  op: toPerson("made", " an operator"),
  deop: toPerson("made", " a plain member"),
  private: (line) => `the room is by invitation only now (${line.nick})`,
  public: (line) => `the room is open to everybody now (${line.nick})`,
  mode: (line) => `${line.nick} changed modes: ${line.text}`,
  delete: (line) => `${line.nick} deleted line ${line.text}`,
  deleted: (line) => `what ${line.nick} said here was deleted`,
  info: (line) => line.text,
  error: (line) => line.text,
};

/** @param {Line} line of an action */
export function actionText(line) {
  const write = ACTIONS[line.kind];
  return write ? write(line) : `${line.nick} did ${line.kind}${afterColon(line.text)}`;
}

/** @type {Record<string, (event: Unit) => string>} */
const PRESENCE = {
  joined: (event) => `${event.nick}${event.account === null ? " (guest)" : ""} joined`,
  left: (event) => (event.kicked ? "" : `${event.nick} left${inParentheses(event.why)}`),
  gone: (event) => `${event.nick} is gone${inParentheses(event.why)}`,
  renamed: (event) => `${event.nick} is now called ${event.to}`,
  away: (event) => `${event.nick} is ${event.text ? `away: ${event.text}` : "back"}`,
  absent: (event) => `${event.nick} is away${afterColon(event.text)}`,
  account: (event) => `${event.nick} is ${event.account === null ? "a guest again" : "logged in"}`,
};

/** @param {Unit} event */
export const presenceText = (event) => PRESENCE[event.type]?.(event) ?? "";

/** @param {{kind: string, nick: string, text: string, time: number}} line */
export function copyText(line) {
  const time = `[${clockText(line.time)}]`;
  if (line.kind === "message") return `${time} <${line.nick}> ${line.text}`;
  if (line.kind === "notice") return `${time} -${line.nick}- ${line.text}`;
  if (line.kind === "me") return `${time} * ${line.nick} ${line.text}`;
  return `* ${actionText(/** @type {Line} */ (line))}`;
}

/** @param {number} time nanoseconds */
const agoText = (time) => `${durationText((Date.now() - milliseconds(time)) / 1000)} ago`;

/** @param {any} person */
const personName = (person) => `${person.guest ? "~" : ""}${person.nick}${inParentheses(rankText(person.rank))}`;

/** The answers to a command, as lines. @type {Record<string, (unit: Unit) => string[]>} */
const ANSWERS = {
  notice: (unit) => unit.lines,
  refused: (unit) => [unit.text],
  rooms: (unit) => unit.rooms.map((/** @type {any} */ room) =>
    `#${room.room}: ${plural(room.present, "member")}${room.topic ? `, ${room.topic}` : ""}`),
  people: (unit) => [
    `${unit.room ? `in #${unit.room}` : "here"}: ${unit.people.map(personName).join(", ") || "nobody"}`,
  ],
  person: (unit) => [
    `${unit.nick} is ${unit.guest ? "a guest" : "logged in"}${unit.away ? `, away: ${unit.away}` : ""}`
      + `${unit.rooms.length ? `, in ${unit.rooms.map((/** @type {string} */ name) => `#${name}`).join(" ")}` : ""}`
      + `${unit.cloak ? `, from ${unit.cloak}` : ""}`,
  ],
  seen: (unit) => [unit.here ? `${unit.nick} is here`
    : unit.time ? `${unit.nick} was last here ${agoText(unit.time)}` : `${unit.nick} was not seen here`],
  restraints: (unit) => unit.restraints.length ? unit.restraints.map((/** @type {any} */ one) =>
    `${one.kind === "ban" ? "banned" : "muted"}: ${one.mask || one.name}, by ${one.by}, `
      + `${one.until ? `until ${fullText(one.until)}` : "for ever"}${afterColon(one.why)}`)
    : ["there are no bans or mutes"],
  accountToken: (unit) => [
    `the token ${unit.name} (${unit.scope}), which is not shown again:`, unit.token,
  ],
  accountTokens: (unit) => [`you have ${plural(unit.tokens.length, "token")}`].concat(
    unit.tokens.map((/** @type {any} */ token) => `${token.name} (${token.scope}), made ${fullText(token.created)}, `
      + `${token.used ? `last used in the hour from ${fullText(token.used)}` : "not used yet"}`
      + `${token.connections ? `; ${plural(token.connections, "connection")} now` : ""}`)),
  invited: (unit) => [`${unit.by} has invited you to #${unit.room}`],
  wallops: (unit) => [`${unit.nick} tells the operators of the server: ${unit.text}`],
  toOperators: (unit) => [`${unit.nick} to the operators of #${unit.room}: ${unit.text}`],
  modes: (unit) => [`modes of #${unit.room}: ${unit.modes ? `+${unit.modes}` : "none"}`
    + `${unit.key ? `, key ${unit.key}` : ""}${unit.limit ? `, limit ${unit.limit}` : ""}`],
  topic: (unit) => [unit.text ? `the topic of #${unit.room} is: ${unit.text} (${unit.by})` : `#${unit.room} has no topic`],
  found: (unit) => unit.messages.length ? unit.messages.map((/** @type {any} */ line) =>
    `#${line.room}/${line.seq} ${copyText(line)}`) : ["nothing was found"],
};

/** @param {Unit} unit @returns {string[]} empty: not for people */
export const answerText = (unit) => ANSWERS[unit.type]?.(unit) ?? [];
