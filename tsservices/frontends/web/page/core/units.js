// @ts-check
/** What each unit of the server changes in the store. Pure. */
import { talkKey } from "./conversation.js";
import { presenceText, TALK } from "./sentences.js";
import { fold } from "./text.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./conversation.js").Person} Person */
/** @typedef {import("./history.js").Line} Line */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./wire.js").Unit} Unit */

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
    store.compareClocks(unit.time);
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
    store.compareClocks(unit.time);
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

/** @param {Store} store @param {Unit} unit @returns {boolean} whether it was handled */
export function applyUnit(store, unit) {
  const handle = HANDLERS[unit.type];
  if (handle) handle(store, unit);
  return handle !== undefined;
}

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
