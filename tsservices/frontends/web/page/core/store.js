// @ts-check
/**
 * Rooms, people and messages known to this page. Pure: gets the server's messages, and notifies
 * listeners of changes.
 */
import { History } from "./history.js";
import { presenceText, TALK } from "./sentences.js";
import { fold, mentionOf } from "./text.js";
import { nanoseconds } from "./times.js";

/** @typedef {import("./history.js").Line} Line */
/** @typedef {import("./wire.js").Unit} Unit */
/** @typedef {{nick: string, guest: boolean, away: string, rank: string, voice: boolean}} Person */
/**
 * @typedef {object} Change
 * @property {"lines" | "appended" | "list" | "people" | "header" | "self" | "message"} what
 * @property {Conversation} [conversation]
 * @property {Line} [line]
 */

/** The key of a room among the conversations. @param {string} name */
export const roomKey = (name) => `#${fold(name)}`;

/** The key of a private talk. @param {string} nick */
export const talkKey = (nick) => `@${fold(nick)}`;

/** A room, or a private talk with one person. */
export class Conversation {
  /** @param {string} key @param {string} name */
  constructor(key, name) {
    this.key = key;
    this.name = name;
    this.isRoom = key.startsWith("#");
    /** Whether the server has the user in it. */
    this.inside = false;
    /** Whether the user wants to be in it: it is rejoined after a lost connection. */
    this.wanted = false;
    this.history = new History();
    this.epoch = "";
    this.topic = { text: "", by: "", time: 0 };
    this.modes = "";
    this.limit = 0;
    this.rank = "";
    /** @type {Map<string, Person>} */
    this.people = new Map();
    this.present = 0;
    /** Whether all members are known. */
    this.complete = false;
    /** The number of the last read line; null: not known. @type {number | null} */
    this.read = null;
    this.unread = 0;
    /** Whether there are more unread lines than counted. */
    this.unreadMore = false;
    this.mentions = 0;
    /** Nicks, the last speaker last. @type {Map<string, string>} */
    this.speakers = new Map();
    /** Ids of private messages, which the inbox repeats. @type {Set<string>} */
    this.ids = new Set();
    /** Whether there are older private messages than the known ones. */
    this.more = false;
  }

  get title() {
    return this.isRoom ? `#${this.name}` : this.name;
  }
}

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

  /** @param {Unit} unit @returns {boolean} whether it was handled */
  apply(unit) {
    const handle = HANDLERS[unit.type];
    if (handle) handle(this, unit);
    return handle !== undefined;
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
  note(conversation, kind, text, time = nanoseconds(Date.now())) {
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

  /** @param {Conversation} conversation @returns {number} the last read number; 0: nothing new */
  markRead(conversation) {
    const { last } = conversation.history.newest;
    const news = conversation.isRoom && last > (conversation.read ?? 0);
    if (news) conversation.read = last;
    if (conversation.unread || conversation.mentions) {
      Object.assign(conversation, { unread: 0, mentions: 0, unreadMore: false });
      this.changed("list", conversation);
    }
    return news ? last : 0;
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
    if (!seen && !(line.seq && line.seq <= (conversation.read ?? 0))) {
      conversation.unread++;
      if (line.mention || !conversation.isRoom) conversation.mentions++;
      this.changed("list", conversation);
    }
    this.changed("message", conversation, line);
  }
}

/** @param {Store} store @param {Unit} event @param {(room: Conversation) => boolean} concerns */
function showPresence(store, event, concerns) {
  const text = presenceText(event);
  for (const room of store.conversations.values()) {
    if (!concerns(room)) continue;
    if (text) store.note(room, "presence", text);
    store.changed("people", room);
  }
}

/** @param {Conversation} room @param {Unit} event @returns {Person} */
function personOf(room, event) {
  const key = fold(event.nick);
  let person = room.people.get(key);
  if (!person) {
    person = { nick: event.nick, guest: false, away: "", rank: "", voice: false };
    room.people.set(key, person);
  }
  return person;
}

const RANKS = /** @type {Record<string, string>} */ ({ op: "operator", deop: "member" });

/** @type {Record<string, (store: Store, unit: Unit) => void>} */
const HANDLERS = {
  said(store, unit) {
    const room = store.room(unit.room);
    if (unit.epoch) room.epoch = unit.epoch;
    const line = store.lineOf(unit);
    const known = room.history.find(line.seq);
    if (known) return;
    const behind = room.history.append(line);
    if (TALK.has(line.kind)) store.spoke(room, line.nick);
    if (line.kind === "delete") {
      store.erase(room, Number(line.text));
      store.changed("lines", room);
    }
    if (line.kind === "topic") {
      room.topic = { text: line.text, by: line.nick, time: line.time };
      store.changed("header", room);
    }
    if (line.kind in RANKS) {
      const person = room.people.get(fold(line.text.split(" ")[0]));
      if (person) person.rank = RANKS[line.kind];
      store.changed("people", room);
    }
    if (line.kind === "private" || line.kind === "public") {
      room.modes = room.modes.replace("i", "") + (line.kind === "private" ? "i" : "");
      store.changed("header", room);
    }
    if (line.kind === "mode") applyModes(store, room, line.text);
    store.changed(behind ? "appended" : "lines", room, line);
    store.counted(room, line);
  },
  roomEntered(store, unit) {
    const room = store.room(unit.room);
    const again = room.inside;
    Object.assign(room, {
      name: unit.room, inside: true, wanted: true, rank: unit.rank ?? "", present: unit.present,
      topic: unit.topic ?? { text: "", by: "", time: 0 }, modes: unit.modes ?? "", limit: unit.limit ?? 0,
      complete: unit.nicks.length >= unit.present,
    });
    room.epoch = unit.epoch ?? room.epoch;
    if (!again) room.people.clear();
    for (const nick of unit.nicks) personOf(room, { type: "", nick });
    // A guest begins to read here.
    if (unit.read !== null && unit.read !== undefined) room.read = Math.max(room.read ?? 0, unit.read);
    else room.read ??= unit.joinedSeq;
    store.changed("list", room);
    store.changed("header", room);
    store.changed("people", room);
  },
  roomLeft(store, unit) {
    const room = store.room(unit.room);
    room.inside = room.wanted = false;
    room.people.clear();
    store.note(room, "info", "you are no longer in this room");
    store.changed("list", room);
    store.changed("header", room);
    store.changed("people", room);
  },
  unread(store, unit) {
    const room = store.room(unit.room);
    Object.assign(room, { unread: Math.max(room.unread, unit.lines), unreadMore: unit.more });
    store.changed("list", room);
  },
  read(store, unit) {
    const room = store.room(unit.room);
    if (unit.seq <= (room.read ?? 0)) return;
    room.read = unit.seq;
    room.unread = 0;
    store.recount(room);
  },
  restored(store, unit) {
    const room = store.room(unit.room);
    room.epoch = unit.epoch ?? room.epoch;
    room.history.cut(unit.common ?? Math.min(unit.first - 1, unit.seq));
    if (room.read !== null) room.read = Math.min(room.read, unit.last);
    store.changed("lines", room);
  },
  joined(store, unit) {
    const room = store.room(unit.room);
    const person = personOf(room, unit);
    Object.assign(person, { nick: unit.nick, guest: unit.account === null, rank: unit.rank ?? "", voice: Boolean(unit.voice), away: "" });
    room.present++;
    showPresence(store, unit, (one) => one === room);
  },
  left(store, unit) {
    const room = store.room(unit.room);
    if (room.people.delete(fold(unit.nick)) || !room.complete) room.present--;
    showPresence(store, unit, (one) => one === room);
  },
  gone(store, unit) {
    const key = fold(unit.nick);
    showPresence(store, unit, (one) => {
      if (!one.isRoom) return one.key === talkKey(unit.nick);
      const was = one.people.delete(key);
      if (was) one.present--;
      return was;
    });
  },
  renamed(store, unit) {
    const key = fold(unit.nick);
    if (store.isOwn(unit.nick)) store.setSelf(unit.to, store.account);
    const talk = store.conversations.get(talkKey(unit.nick));
    if (talk && (store.conversations.get(talkKey(unit.to)) ?? talk) === talk) {
      store.conversations.delete(talk.key);
      Object.assign(talk, { key: talkKey(unit.to), name: unit.to });
      store.conversations.set(talk.key, talk);
      store.changed("list", talk);
      store.changed("header", talk);
    }
    showPresence(store, unit, (one) => {
      const person = one.people.get(key);
      if (person) {
        one.people.delete(key);
        person.nick = unit.to;
        one.people.set(fold(unit.to), person);
      }
      return person !== undefined || one === talk;
    });
  },
  away(store, unit) {
    for (const room of store.conversations.values()) {
      const person = room.people.get(fold(unit.nick));
      if (!person) continue;
      person.away = unit.text;
      store.changed("people", room);
    }
    if (store.isOwn(unit.nick) && store.shown) store.note(store.shown, "presence", presenceText(unit));
  },
  absent(store, unit) {
    store.note(store.talk(unit.nick), "presence", presenceText(unit));
  },
  account(store, unit) {
    if (store.isOwn(unit.nick)) store.setSelf(store.nick, unit.account);
    for (const room of store.conversations.values()) {
      const person = room.people.get(fold(unit.nick));
      if (!person) continue;
      person.guest = unit.account === null;
      store.changed("people", room);
    }
  },
  people(store, unit) {
    if (!unit.room) return;
    const room = store.room(unit.room);
    room.people.clear();
    for (const person of unit.people) {
      room.people.set(fold(person.nick), { voice: false, ...person });
      if (store.isOwn(person.nick)) room.rank = person.rank;
    }
    room.present = unit.people.length;
    room.complete = true;
    store.changed("people", room);
    store.changed("header", room);
  },
  topic(store, unit) {
    store.room(unit.room).topic = { text: unit.text, by: unit.by, time: unit.time };
    store.changed("header", store.room(unit.room));
  },
  modes(store, unit) {
    const room = store.room(unit.room);
    Object.assign(room, { modes: unit.modes, limit: unit.limit });
    store.changed("header", room);
  },
  whispered(store, unit) {
    const talk = store.talk(store.isOwn(unit.nick) ? unit.to : unit.nick);
    if (unit.id && talk.ids.has(unit.id)) return;
    if (unit.id) talk.ids.add(unit.id);
    const line = store.lineOf(unit);
    talk.history.append(line);
    store.spoke(talk, unit.nick);
    store.changed("appended", talk, line);
    store.counted(talk, line);
  },
  unwhispered(store, unit) {
    store.eraseLetter(unit.id);
  },
  standing(store, unit) {
    const room = store.room(unit.room);
    Object.assign(personOf(room, unit), { rank: unit.rank, voice: Boolean(unit.voice) });
    if (store.isOwn(unit.nick)) room.rank = unit.rank;
    store.changed("people", room);
  },
  inbox(store, unit) {
    if (unit.with) store.talk(unit.with).more = unit.more;
    for (const letter of unit.letters) {
      const talk = store.talk(store.isOwn(letter.nick) ? letter.to : letter.nick);
      if (talk.ids.has(letter.id)) {
        if (letter.kind === "deleted") store.eraseLetter(letter.id);
        continue;
      }
      talk.ids.add(letter.id);
      const line = store.lineOf(letter);
      insertByTime(talk.history.newest, line);
      store.changed("lines", talk, line);
      // With a name these are older ones; otherwise they are unread.
      if (!unit.with) store.counted(talk, line);
    }
  },
};

/**
 * Insert a line by its time. Makes a new list, because views of the old one need its
 * positions.
 * @param {import("./history.js").Stretch} stretch @param {Line} line
 */
function insertByTime(stretch, line) {
  const { lines } = stretch;
  let index = lines.length;
  while (index > 0 && lines[index - 1].time > line.time) index--;
  stretch.lines = lines.toSpliced(index, 0, line);
}

/** @param {Store} store @param {Conversation} room @param {string} text like +ov-k ann bob * */
function applyModes(store, room, text) {
  const [letters, ...names] = text.split(" ");
  let on = true;
  for (const letter of letters) {
    if (letter === "+" || letter === "-") {
      on = letter === "+";
      continue;
    }
    const hasName = "ovbk".includes(letter) || (letter === "l" && on);
    const name = hasName ? names.shift() ?? "" : "";
    if (letter === "o" || letter === "v") {
      const person = room.people.get(fold(name));
      if (person && letter === "v") person.voice = on;
      else if (person) person.rank = on ? "operator" : "member";
    } else if (letter !== "b") {
      room.modes = [...new Set(room.modes.replace(letter, "") + (on ? letter : ""))].sort().join("");
      if (letter === "l") room.limit = on ? Number(name) : 0;
    }
  }
  store.changed("people", room);
  store.changed("header", room);
}
