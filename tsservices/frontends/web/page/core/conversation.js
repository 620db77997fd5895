// @ts-check
/** A room or a private talk, and its key among the conversations. */
import { History } from "./history.js";
import { fold } from "./text.js";

/** @typedef {{nick: string, guest: boolean, away: string, rank: string, voice: boolean}} Person */

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
    /** The number of the last read line, in a talk its time; null: not known. @type {number | null} */
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
