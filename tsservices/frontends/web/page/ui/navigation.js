// @ts-check
/**
 * Which conversation is on the screen: opened by the user, by the page's address, or at
 * entering.
 */
import { roomKey } from "../core/conversation.js";
import { kept, keptHere } from "../core/storage.js";
import { fold } from "../core/text.js";
import { addressNames, fromAddress, setAddress } from "./address.js";
import { byId } from "./dom.js";
import { closeMenu } from "./menu.js";
import { narrow, showSide } from "./sidebar.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */

/** The room of a first visit. */
const FIRST_ROOM = "lobby";

export class Navigation {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("../core/session.js").Session} session
   * @param {import("./pane.js").Pane} pane
   * @param {import("./composer.js").Composer} composer
   */
  constructor(store, session, pane, composer) {
    this.store = store;
    this.session = session;
    this.pane = pane;
    this.composer = composer;
  }

  /** @param {Conversation} conversation */
  open(conversation) {
    closeMenu(false);
    showSide(false);
    if (this.store.shown !== conversation) {
      this.store.shown = conversation;
      this.store.watched = false;
      this.pane.show(conversation);
      this.composer.show(conversation);
      keptHere.set("shown", conversation.key);
      if (fromAddress().seq === 0 || !addressNames(conversation)) setAddress(conversation);
      byId("people-filter").value = "";
      this.store.changed("people", conversation);
      this.store.changed("header", conversation);
      this.store.changed("list", conversation);
      if (!conversation.isRoom && this.store.account) void this.session.loadLetters(conversation).catch(() => {});
    }
    this.pane.moved();
    if (!narrow.matches && !document.querySelector("dialog[open]")) this.composer.focus();
  }

  /** @param {string} name */
  async join(name) {
    const known = this.store.conversations.get(roomKey(name));
    if (known?.inside) {
      this.open(known);
      return;
    }
    try {
      await this.session.join(name);
      this.open(this.store.room(name));
      this.keepRooms();
    } catch (error) {
      if (this.store.shown) this.store.note(this.store.shown, "error", error instanceof Error ? error.message : "");
      else void this.open(this.store.room(FIRST_ROOM));
    }
  }

  followAddress() {
    const { room, talk, seq } = fromAddress();
    if (talk) {
      this.open(this.store.talk(talk));
    } else if (room) {
      const found = this.store.conversations.get(roomKey(room));
      if (found?.inside || found?.wanted) {
        this.open(found);
        if (seq) void this.pane.jump(seq);
      } else {
        void this.join(room).then(() => { if (seq && this.store.shown?.key === roomKey(room)) return this.pane.jump(seq); });
      }
    }
  }

  /** Keep the rooms for the next visit, by account. */
  keepRooms() {
    const rooms = this.store.ordered().filter((one) => one.isRoom && one.wanted).map((one) => one.name);
    kept.set(`rooms ${this.store.account ?? ""}`, JSON.stringify(rooms));
  }

  entered() {
    if (this.store.shown) {
      this.store.changed("header", this.store.shown);
      // The user may have changed, in the same rooms.
      this.keepRooms();
      return;
    }
    const { room, talk, seq } = fromAddress();
    /** @type {string[]} */
    let rooms = [];
    try {
      rooms = JSON.parse(kept.get(`rooms ${this.store.account ?? ""}`) ?? "[]");
    } catch {
      // Edited by somebody.
    }
    const present = this.store.ordered().filter((one) => one.isRoom && one.inside).map((one) => one.name);
    const last = keptHere.get("shown") ?? "";
    const wanted = new Map([...rooms, ...present, ...(room ? [room] : [])].map((name) => [fold(name), name]));
    if (!wanted.size && !talk) wanted.set(FIRST_ROOM, FIRST_ROOM);
    const first = room || (last.startsWith("#") && wanted.get(last.slice(1))) || [...wanted.values()][0] || FIRST_ROOM;
    if (talk) this.open(this.store.talk(talk));
    else this.open(this.store.room(first));
    for (const name of wanted.values()) {
      const one = this.store.room(name);
      if (one.inside) continue;
      one.wanted = true;
      this.session.join(name).then(() => {
        this.store.changed("header", one);
        this.keepRooms();
        if (seq && one === this.store.shown) void this.pane.jump(seq);
      }, (error) => {
        one.wanted = false;
        if (error.code === "lost") one.wanted = true;
        else this.store.note(one, "error", error.message);
        this.composer.update();
        this.store.changed("header", one);
      });
    }
    const shown = this.store.conversations.get(roomKey(first));
    if (seq && shown?.inside) void this.pane.jump(seq);
  }

  /** @param {Conversation} room */
  async leave(room) {
    try {
      await this.session.request("part", { room: room.name });
      this.drop(room);
      this.keepRooms();
    } catch (error) {
      this.store.note(room, "error", error instanceof Error ? error.message : "");
    }
  }

  /** @param {Conversation} conversation */
  drop(conversation) {
    this.store.forget(conversation.key);
    const [next] = this.store.ordered();
    if (next) this.open(next);
  }
}
