// @ts-check
/**
 * The session with the server: entering, requests and their answers, resuming after a lost
 * connection. Independent of the document.
 */
import { Connection } from "./connection.js";
import { roomKey } from "./conversation.js";
import { Outbox } from "./outbox.js";
import { answerText } from "./sentences.js";
import { fold } from "./text.js";
import { plural } from "./times.js";
import { applyUnit } from "./units.js";
import { UnitReader, VERSION } from "./wire.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./wire.js").Unit} Unit */

/** Lines requested at once. */
export const PAGE = 200;

/** If more lines of a room were missed, only the newest are read; the others on scrolling. */
const MOST_MISSED = 1000;

/** Refusals after which this page does not reconnect by itself. */
const FINAL = new Set(["taken-over", "killed", "token-revoked"]);

/**
 * @typedef {object} Request
 * @property {number} id
 * @property {Record<string, any>} fields
 * @property {Unit[]} answers
 * @property {(answers: Unit[]) => void} resolve
 * @property {(error: RequestError) => void} reject
 * @property {Conversation | null} place where the answer to a command is shown
 */

/** A refused or unanswered request. */
export class RequestError extends Error {
  /** @param {string} code @param {string} text */
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

/** Types that answer requests; answers to a typed command are shown as text. */
const ANSWERS = new Set(["rooms", "people", "person", "seen", "restraints", "found", "inbox",
  "accountToken", "accountTokens", "modes", "topic"]);

export class Session {
  /**
   * @param {Store} store
   * @param {import("./connection.js").World} world
   * @param {object} page the visible part
   * @param {(state: string, text: string) => void} page.status
   * @param {(why: string, code: string) => void} page.nameNeeded
   * @param {(text: string, answer: (secret: string | null) => void) => void} page.secretNeeded
   * @param {() => void} page.entered
   * @param {() => void} page.otherUser what the page shows is not for the one who came in
   * @param {(text: string) => void} page.ended
   */
  constructor(store, world, page) {
    this.store = store;
    this.page = page;
    this.world = world;
    this.connection = new Connection(world, {
      opened: () => { this.reader = new UnitReader(); },
      received: (text) => this.received(text),
      lost: (code, reason) => this.lost(code, reason),
      askForSign: () => void this.request("ping").catch(() => {}),
      stateChanged: (state) => this.stateChanged(state),
    });
    this.reader = new UnitReader();
    /** @type {Map<number, Request>} in the order of their answers */
    this.requests = new Map();
    this.nextId = 1;
    /** The name to enter with, without an account. */
    this.guestNick = "";
    /** The secret with which the next connection resumes this one. */
    this.token = "";
    this.inside = false;
    this.wasInside = false;
    this.lostAt = 0;
    this.outbox = new Outbox(store, this);
    /** Rooms to join after entering. @type {string[]} */
    this.wantedRooms = [];
    this.ended = false;
  }

  start() {
    this.ended = false;
    this.connection.start();
  }

  /** Reconnect as another user: signed in, or out. */
  restart() {
    this.token = "";
    this.leave();
    this.start();
  }

  leave() {
    this.inside = false;
    for (const room of this.store.conversations.values()) room.inside = false;
    const open = [...this.requests.values()];
    this.requests.clear();
    for (const request of open) request.reject(new RequestError("lost", "the connection was lost"));
    this.store.changed("header");
  }

  /** @param {string} state */
  stateChanged(state) {
    if (state === "connecting") {
      this.page.status("connecting", this.wasInside ? "connecting again…" : "connecting…");
    } else if (state === "waiting") {
      this.page.status("waiting", "no connection; trying again");
    }
  }

  /** @param {number} code @param {string} reason */
  lost(code, reason) {
    if (this.inside) this.lostAt = this.world.now();
    this.leave();
    if (this.ended) this.connection.stop();
    else if (reason && code === 1008) this.page.status("waiting", `the server closed the connection: ${reason}`);
  }

  /** @param {string} frame */
  received(frame) {
    let units;
    try {
      units = this.reader.read(frame);
    } catch {
      // Not JSON: not from this server, or a part is lost.
      this.connection.wasLost(1002, "not JSON");
      return;
    }
    for (const unit of units) this.take(unit);
  }

  /** @param {Unit} unit */
  take(unit) {
    const handle = this.handlers[unit.type];
    if (handle) {
      handle(unit);
      return;
    }
    const request = this.answering(unit);
    if (request) {
      request.answers.push(unit);
      if (request.fields.do !== "command") {
        applyUnit(this.store, unit);
        return;
      }
    }
    const applied = applyUnit(this.store, unit);
    if (request || !applied) this.inform(unit, request?.place ?? null);
  }

  /** @param {Unit} unit @returns {Request | null} the request that it may answer */
  answering(unit) {
    const [first] = this.requests.values();
    return first && ANSWERS.has(unit.type) ? first : null;
  }

  /** Show an answer as text. @param {Unit} unit @param {Conversation | null} place */
  inform(unit, place) {
    const shown = place ?? this.store.shown;
    if (!shown) return;
    const kind = unit.type === "refused" ? "error" : "info";
    for (const text of answerText(unit)) this.store.note(shown, kind, text);
  }

  /** @type {Record<string, (unit: Unit) => void>} */
  handlers = {
    format: (unit) => {
      // Either clock may have been set meanwhile.
      this.store.skew = null;
      if (unit.version !== VERSION) this.end("This page is of another version than the server: load it again.");
    },
    server: (unit) => {
      this.store.server = { name: unit.name, account: unit.account, limits: unit.limits, commands: unit.commands ?? [] };
      this.store.changed("self");
      // With an account the server logs the user in.
      if (unit.account === null) this.enter();
    },
    token: (unit) => { this.token = unit.token; },
    entered: (unit) => this.cameIn(unit, new Map()),
    resumed: (unit) => {
      this.cameIn(unit, new Map(unit.rooms.map((/** @type {any} */ room) => [roomKey(room.room), room.last])));
    },
    loggedIn: (unit) => {
      if (this.inside) this.store.setSelf(unit.nick, unit.account);
      else this.cameIn(unit, new Map());
      if (unit.unread) void this.request("inbox").catch(() => {});
    },
    done: (unit) => {
      const request = this.requests.get(unit.id);
      this.requests.delete(unit.id);
      request?.resolve(request.answers);
    },
    refused: (unit) => {
      const request = this.requests.get(unit.id);
      if (request) {
        this.requests.delete(unit.id);
        request.reject(new RequestError(unit.code, unit.text));
        if (request.fields.do === "command") this.inform(unit, request.place);
      } else if (FINAL.has(unit.code)) {
        this.end(unit.code === "taken-over" ? "This conversation goes on in another window." : unit.text);
      } else {
        this.inform(unit, null);
      }
    },
    prompt: (unit) => {
      // Without an id: the result is the answer to the command that needs it.
      this.page.secretNeeded(unit.text, (text) => void this.connection.send(JSON.stringify({ do: "answer", text })));
    },
    replay: (unit) => this.takeReplay(unit),
  };

  /** @param {string} why */
  end(why) {
    this.ended = true;
    this.leave();
    this.connection.stop();
    this.page.ended(why);
  }

  enter() {
    if (this.token) {
      const token = this.token;
      this.request("resume", { token }).catch((error) => {
        if (error.code === "lost") return;
        this.token = "";
        this.enter();
      });
    } else if (this.guestNick) {
      this.request("enter", { nick: this.guestNick }).catch((error) => {
        if (error.code !== "lost") this.nameNeeded(error.message, error.code);
      });
    } else {
      this.nameNeeded("", "");
    }
  }

  /** @param {string} why @param {string} code */
  nameNeeded(why, code) {
    this.page.status("nameless", "");
    this.page.nameNeeded(why, code);
  }

  /**
   * @param {Unit} unit @param {Map<string, number>} present the last numbers of the rooms
   *   still joined
   */
  cameIn(unit, present) {
    const again = this.wasInside;
    if (this.store.account && unit.account !== this.store.account) {
      // The token of the account was revoked while the page was open.
      this.end("");
      this.page.otherUser();
      return;
    }
    this.store.setSelf(unit.nick, unit.account ?? null);
    this.inside = this.wasInside = true;
    this.connection.settled();
    this.page.status("open", "");
    const rooms = new Set([...this.store.conversations.values()].filter((one) => one.isRoom && one.wanted));
    /** @type {Promise<number>[]} */
    const caughtUp = [];
    for (const key of present.keys()) {
      const room = this.store.conversation(key, unit.rooms.find((/** @type {any} */ one) => roomKey(one.room) === key).room);
      room.inside = room.wanted = true;
      rooms.add(room);
    }
    for (const room of rooms) caughtUp.push(this.catchUp(room, present.get(room.key), unit.epoch ?? ""));
    for (const name of this.wantedRooms.splice(0)) {
      if (!this.store.conversations.get(roomKey(name))?.wanted) void this.join(name).catch(() => {});
    }
    if (again && this.store.account) caughtUp.push(this.catchUpInPrivate());
    this.page.entered();
    this.store.changed("list");
    this.store.changed("header");
    const resumed = unit.type === "resumed";
    void Promise.all(caughtUp).then((counts) => this.caughtUp(again, resumed, counts));
  }

  /**
   * Join a room again, and request the missed lines.
   * @param {Conversation} room @param {number | undefined} last its last number; undefined:
   *   not in it @param {string} epoch
   * @returns {Promise<number>} how many lines of others were missed
   */
  async catchUp(room, last, epoch) {
    const { fresh, newest } = room.history;
    const known = newest.last, knownEpoch = room.epoch;
    try {
      if (last === undefined) {
        await this.request("join", { room: room.name });
        // Of the lines replayed at joining only those after known are new.
      }
      void this.loadPeople(room);
      if (fresh) {
        if (last !== undefined) await this.loadLines(room, last + 1);
        return 0;
      }
      const sameHistory = !epoch || !knownEpoch || epoch === knownEpoch;
      if (sameHistory && last !== undefined && last <= known) return 0;
      if (sameHistory && last !== undefined && last - known > MOST_MISSED) {
        room.history.skipTo(last);
        await this.loadLines(room, last + 1);
        return last - known;
      }
      const before = room.history.newest.lines.filter((line) => line.at > known && line.seq && !line.own).length;
      const answers = await this.request("since", { room: room.name, seq: known, ...(knownEpoch ? { epoch: knownEpoch } : {}) });
      if (epoch) room.epoch = epoch;
      return before + answers.reduce((sum, one) => sum + (one.fresh ?? 0), 0);
    } catch (error) {
      if (!(error instanceof RequestError) || error.code === "lost") return 0;
      if (last === undefined) room.inside = room.wanted = false;
      this.store.note(room, "error", error.message);
      this.store.changed("header");
      return 0;
    }
  }

  /**
   * Request the missed private messages.
   * @returns {Promise<number>} their number
   */
  async catchUpInPrivate() {
    const known = this.store.privateLines();
    try {
      await this.request("inbox");
    } catch {
      return 0;
    }
    return this.store.privateLines() - known;
  }

  /** @param {boolean} again @param {boolean} resumed @param {number[]} counts */
  caughtUp(again, resumed, counts) {
    if (!this.inside) return;
    this.outbox.resend(resumed);
    if (!again) return;
    const missed = counts.reduce((sum, count) => sum + count, 0);
    const how = resumed ? "you were disconnected; resumed" : "you were disconnected, and are in again";
    const what = missed ? `${plural(missed, "line")} ${missed === 1 ? "was" : "were"} said meanwhile`
      // Messages to an absent guest are not stored.
      : this.store.account ? "nothing missed" : "nothing missed in rooms";
    this.page.status("back", `${how}, ${what}`);
  }

  // ---- requests

  /**
   * @param {string} verb @param {Record<string, any>} [fields] @param {Conversation | null} [place]
   * @returns {Promise<Unit[]>} the answers; rejected with a RequestError
   */
  request(verb, fields = {}, place = null) {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const request = { id, fields: { do: verb, ...fields }, answers: [], resolve, reject, place };
      this.requests.set(id, request);
      if (!this.connection.send(JSON.stringify({ do: verb, id, ...fields }))) {
        this.requests.delete(id);
        reject(new RequestError("lost", "there is no connection now"));
      }
    });
  }

  /** @param {string} name @param {string} [key] */
  async join(name, key) {
    const room = name.replace(/^#/, "");
    if (key) await this.command(null, `/join ${room} ${key}`);
    else await this.request("join", { room });
    void this.loadPeople(this.store.room(room));
  }

  /** @param {Conversation} room */
  loadPeople(room) {
    return this.request("people", { room: room.name }).catch(() => []);
  }

  /** @param {Conversation | null} place @param {string} line */
  command(place, line) {
    return this.request("command", { room: place?.isRoom ? place.name : null, line }, place);
  }

  /**
   * Load older lines.
   * @param {Conversation} room @param {number} before
   */
  loadLines(room, before, count = PAGE) {
    return this.request("history", { room: room.name, before, count });
  }

  /** Load the newest or older private messages with a person. @param {Conversation} talk @param {string} before */
  loadLetters(talk, before = "") {
    return this.request("inbox", { with: talk.name, before });
  }

  /** @param {Conversation} room @param {number} seq */
  loadAround(room, seq) {
    return this.request("around", { room: room.name, seq, count: 100 });
  }

  /** @param {Unit} replay */
  takeReplay(replay) {
    const key = roomKey(replay.room);
    const lines = replay.messages;
    const first = lines.length ? lines[0].seq : 0;
    const last = lines.length ? lines[lines.length - 1].seq : 0;
    const VERBS = ["history", "around", "since", "join", "command"];
    const request = [...this.requests.values()].find((one) => VERBS.includes(one.fields.do)
      && (!one.fields.room || roomKey(one.fields.room) === key));
    const { history } = this.store.room(replay.room);
    let from = first, to = last;
    switch (request?.fields.do) {
      case "history":
        to = request.fields.before - 1;
        // An empty answer: there are no older lines.
        from = first || history.start;
        break;
      case "since":
        from = Math.min(first || request.fields.seq + 1, request.fields.seq + 1);
        to = Math.max(replay.until ?? last, last);
        if (first && replay.missing) from = first;
        break;
      case "around":
        break;
      default:
        to = Math.max(replay.until ?? 0, last);
        from = first || to + 1;
    }
    if (to < from && !lines.length && request?.fields.do !== "history") [from, to] = [to + 1, to];
    const { fresh } = this.store.addReplay(replay, from, to);
    request?.answers.push({ ...replay, fresh });
  }

  /** @param {Conversation} room @param {number} seq */
  markRead(room, seq) {
    if (this.inside && this.store.account && room.inside) {
      void this.request("read", { room: room.name, seq }).catch(() => {});
    }
  }

  /** @param {string} name */
  isMe(name) {
    return fold(name) === fold(this.store.nick);
  }
}
