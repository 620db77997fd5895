// @ts-check
/** The people in the room, and its head: topic, modes, number of members. */
import { MODES, rankText } from "../core/sentences.js";
import { fold } from "../core/text.js";
import { byId, element, setText } from "./dom.js";
import { nickElement, textNodes } from "./row.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */
/** @typedef {import("../core/conversation.js").Person} Person */

/** Most people drawn; the field above finds the others. */
const MOST_SHOWN = 300;

const ORDER = ["server", "founder", "operator", "member", ""];

const SIGNS = /** @type {Record<string, string>} */ ({ server: "★", founder: "◆", operator: "◇" });

/** Milliseconds between redraws: in a storm of joins each would take a frame. */
const PAUSE = 200;

export class People {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("../core/session.js").Session} session
   * @param {(nick: string, from: HTMLElement) => void} openMenu
   */
  constructor(store, session, openMenu) {
    this.store = store;
    this.session = session;
    this.openMenu = openMenu;
    this.waits = false;
    this.panel = byId("people");
    /** Whether to show it if there are several people. */
    this.wanted = false;
    store.listen(({ what, conversation }) => {
      if (conversation !== store.shown && what !== "self" && conversation) return;
      if (what === "header") this.panel.hidden = !this.wanted || !store.shown?.isRoom;
      if (what === "people" || what === "self") this.drawLater();
      if (what === "header" || what === "list" || what === "people") this.drawHead();
    });
    byId("people-filter").addEventListener("input", () => this.draw());
  }

  drawLater() {
    if (this.waits) return;
    this.waits = true;
    setTimeout(() => {
      this.waits = false;
      this.draw();
    }, PAUSE);
  }

  drawHead() {
    const room = this.store.shown;
    if (!room) return;
    const title = byId("title");
    setText(title, room.title);
    const topic = byId("topic");
    const text = room.isRoom ? room.topic.text : "Private talk";
    if (topic.dataset.text !== text) {
      topic.dataset.text = text;
      topic.replaceChildren(...textNodes(text));
      topic.title = room.topic.text && `${room.topic.text} (${room.topic.by})`;
    }
    const modes = byId("modes");
    setText(modes, room.modes ? `+${room.modes}${room.limit ? ` ${room.limit}` : ""}` : "");
    modes.title = [...room.modes].map((letter) => `${letter}: ${MODES[/** @type {keyof MODES} */ (letter)] ?? "a mode"}`).join("\n");
    setText(byId("member-count"), room.isRoom ? String(room.present) : "");
    byId("people-button").hidden = !room.isRoom;
    byId("outside").hidden = !room.isRoom || room.inside || !this.session.inside;
  }

  draw() {
    const room = this.store.shown;
    this.panel.hidden = !this.wanted || !room?.isRoom;
    byId("people-button").setAttribute("aria-expanded", String(this.wanted));
    if (!room || this.panel.hidden) return;
    const typed = fold(byId("people-filter").value.trim());
    const people = [...room.people.values()]
      .filter((person) => fold(person.nick).includes(typed))
      .sort((one, other) => ORDER.indexOf(one.rank) - ORDER.indexOf(other.rank)
        || Number(Boolean(one.away)) - Number(Boolean(other.away)) || one.nick.localeCompare(other.nick));
    byId("people-filter").hidden = room.people.size < 20;
    setText(byId("people-head"), room.isRoom ? `${room.present} here` : "");
    const rows = people.slice(0, MOST_SHOWN).map((person) => this.row(person));
    const hidden = Math.max(people.length, typed ? 0 : room.present) - rows.length;
    if (hidden > 0) rows.push(element("li", { class: "note", text: `and ${hidden} more` }));
    byId("people-list").replaceChildren(...rows);
  }

  /** @param {Person} person */
  row(person) {
    const facts = [rankText(person.rank), person.voice && "may speak", person.guest && "guest", person.away && `away: ${person.away}`]
      .filter(Boolean).join(", ");
    const button = element("button", {
      class: person.away ? "person away" : "person", title: facts,
      "aria-haspopup": "menu", click: () => this.openMenu(person.nick, button),
    },
    element("span", { class: "sign", "aria-hidden": "true", text: SIGNS[person.rank] ?? (person.voice ? "+" : "") }),
    nickElement(person.nick),
    element("span", { class: "unseen", text: facts ? `, ${facts}` : "" }));
    return element("li", {}, button);
  }
}
