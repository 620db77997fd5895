// @ts-check
/**
 * Rooms, people and messages known to this page. Pure: units.js changes it as the server says, and
 * it notifies listeners of changes.
 */
import { Conversation, roomKey, talkKey } from "./conversation.js";
import { TALK } from "./sentences.js";
import { fold, mentionOf } from "./text.js";
import { nanoseconds } from "./times.js";

/** @typedef {import("./history.js").Line} Line */
/** @typedef {import("./wire.js").Unit} Unit */
/**
 * @typedef {object} Change
 * @property {"lines" | "appended" | "list" | "people" | "header" | "self" | "message"} what
 * @property {Conversation} [conversation]
 * @property {Line} [line]
 */

export class Store {
  constructor() {
    this.server = { name: "", account: null, limits: { message: 4096, lines: 50 }, commands: /** @type {any[]} */ ([]) };
    this.nick = "";
    /** @type {string | null} */
    this.account = null;
    /** @type {Map<string, Conversation>} */
    this.conversations = new Map();
    /** The conversation on the screen: not unread. @type {Conversation | null} */
    this.shown = null;
    /** Whether the user looks at the end of the lines. */
    this.watched = false;
    /** @type {((change: Change) => void)[]} */
    this.listeners = [];
    this.mentions = mentionOf("");
    /** Nanoseconds from the browser's clock to the server's. @type {number | null} */
    this.skew = null;
  }

  /** Learn how the clocks differ. @param {number} time of a line that was said just now */
  compareClocks(time) {
    const skew = time - nanoseconds(Date.now());
    // A line may come late, never early.
    if (this.skew === null || skew > this.skew) this.skew = skew;
  }

  /** By the server's clock, which dates all other lines, if it is known. */
  now() {
    return nanoseconds(Date.now()) + (this.skew ?? 0);
  }

  /** @param {(change: Change) => void} listener */
  listen(listener) {
    this.listeners.push(listener);
  }

  /** @param {Change["what"]} what @param {Conversation} [conversation] @param {Line} [line] */
  changed(what, conversation, line) {
    for (const listener of this.listeners) listener({ what, conversation, line });
  }

  /** @param {string} name @returns {Conversation} */
  room(name) {
    return this.conversation(roomKey(name), name);
  }

  /** @param {string} nick @returns {Conversation} */
  talk(nick) {
    return this.conversation(talkKey(nick), nick);
  }

  /** @param {string} key @param {string} name */
  conversation(key, name) {
    let found = this.conversations.get(key);
    if (!found) {
      found = new Conversation(key, name);
      this.conversations.set(key, found);
      this.changed("list", found);
    }
    return found;
  }

  /** @param {string} key */
  forget(key) {
    const found = this.conversations.get(key);
    if (found && this.conversations.delete(key)) this.changed("list", found);
  }

  /** @returns {Conversation[]} rooms by name, then talks by name */
  ordered() {
    return [...this.conversations.values()].sort((one, other) =>
      one.isRoom === other.isRoom ? one.name.localeCompare(other.name) : one.isRoom ? -1 : 1);
  }

  /** @param {string} nick @param {string | null} account */
  setSelf(nick, account) {
    this.nick = nick;
    this.account = account;
    this.mentions = mentionOf(nick);
    this.changed("self");
  }

  /** @param {string} nick */
  isOwn(nick) {
    return fold(nick) === fold(this.nick);
  }

  /** @param {Unit} unit a line that was said @returns {Line} */
  lineOf(unit) {
    const { seq, time, kind, nick, account, text, id } = unit;
    const own = this.isOwn(nick);
    return {
      seq: seq ?? 0, at: seq ?? 0, time, kind, nick, account: account ?? null, text, id: id ?? "", own,
      mention: !own && TALK.has(kind) && this.mentions(text),
    };
  }

  /**
   * Show a line without a number: an event, an answer, a line not stored yet.
   * @param {Conversation} conversation @param {string} kind @param {string} text
   * @param {number} [time] @returns {Line}
   */
  note(conversation, kind, text, time = this.now()) {
    /** @type {Line} */
    const line = { seq: 0, at: 0, time, kind, nick: "", account: null, text, id: "" };
    conversation.history.append(line);
    this.changed("appended", conversation, line);
    return line;
  }

  /**
   * @param {Unit} replay @param {number} first the first number that it covers
   * @param {number} last
   * @returns {{fresh: number}} how many new lines of others it has
   */
  addReplay(replay, first, last) {
    const room = this.room(replay.room);
    const { history } = room;
    if (replay.missing) history.start = Math.max(history.start, replay.missing[1] + 1);
    /** @type {Line[]} */
    const lines = replay.messages.map((/** @type {Unit} */ one) => this.lineOf(one));
    const from = lines.length ? Math.min(first, lines[0].seq) : first;
    const to = lines.length ? Math.max(last, lines[lines.length - 1].seq) : last;
    let fresh = 0;
    for (const line of lines) {
      if (!history.find(line.seq)) {
        if (TALK.has(line.kind) && !line.own) fresh++;
        if (line.mention && room.read !== null && line.seq > room.read) room.mentions++;
      }
      if (TALK.has(line.kind)) this.spoke(room, line.nick);
    }
    if (from <= to || !lines.length) history.add(from, Math.max(to, from - 1), lines);
    for (const line of lines) if (line.kind === "delete") this.erase(room, Number(line.text));
    this.recount(room);
    this.changed("lines", room);
    return { fresh };
  }

  /** @param {Conversation} room @param {string} nick */
  spoke(room, nick) {
    const key = fold(nick);
    room.speakers.delete(key);
    room.speakers.set(key, nick);
    if (room.speakers.size > 500) room.speakers.delete(room.speakers.keys().next().value ?? "");
  }

  /** Delete the text of a line. @param {Conversation} room @param {number} seq */
  erase(room, seq) {
    const line = room.history.find(seq);
    if (!line) return;
    if (TALK.has(line.kind)) Object.assign(line, { kind: "deleted", text: "", mention: false });
    else if (line.kind === "topic") line.text = "";
    else line.text = line.text.split(" ").slice(0, line.kind === "kick" ? 1 : 2).join(" ");
  }

  /** Delete the text of a private message. @param {string} id */
  eraseLetter(id) {
    for (const talk of this.conversations.values()) {
      const line = talk.ids.has(id) && talk.history.newest.lines.find((one) => one.id === id);
      if (!line) continue;
      Object.assign(line, { kind: "deleted", text: "", mention: false });
      this.changed("lines", talk);
    }
  }

  /** Count unread lines again, if they are known. @param {Conversation} room */
  recount(room) {
    const { read } = room;
    if (read === null || !room.isRoom) return;
    const { newest } = room.history;
    if (newest.first > read + 1 && room.unread) return;
    let unread = 0, mentions = 0;
    for (let i = newest.lines.length - 1; i >= 0 && newest.lines[i].at > read; i--) {
      const line = newest.lines[i];
      if (line.own || !line.seq || !TALK.has(line.kind)) continue;
      unread++;
      if (line.mention) mentions++;
    }
    Object.assign(room, { unread, mentions, unreadMore: false });
    this.changed("list", room);
  }

  /** @param {Conversation} conversation @returns {number} the last read place; 0: nothing new */
  markRead(conversation) {
    const { last, lines } = conversation.history.newest;
    return this.readTo(conversation, conversation.isRoom ? last : lines.findLast((line) => !line.own && TALK.has(line.kind))?.time ?? 0);
  }

  /** @param {Conversation} conversation @param {number} last a number; in a talk a time @returns {number} */
  readTo(conversation, last) {
    const news = last > (conversation.read ?? 0);
    if (news) conversation.read = last;
    if (conversation.unread || conversation.mentions) {
      Object.assign(conversation, { unread: 0, mentions: 0, unreadMore: false });
      this.changed("list", conversation);
    }
    return news ? last : 0;
  }

  /** @param {Conversation} conversation @param {Line} line */
  wasRead(conversation, line) {
    return (conversation.isRoom ? line.seq || Infinity : line.time) <= (conversation.read ?? 0);
  }

  /** The number of known private messages of others. */
  privateLines() {
    let count = 0;
    for (const one of this.conversations.values()) {
      if (!one.isRoom) count += one.history.newest.lines.filter((line) => !line.own && TALK.has(line.kind)).length;
    }
    return count;
  }

  /** @param {Conversation} conversation @param {Line} line the new line */
  counted(conversation, line) {
    if (line.own || !TALK.has(line.kind)) return;
    const seen = conversation === this.shown && this.watched;
    if (!seen && !this.wasRead(conversation, line)) {
      conversation.unread++;
      if (line.mention || !conversation.isRoom) conversation.mentions++;
      this.changed("list", conversation);
    }
    this.changed("message", conversation, line);
  }
}
