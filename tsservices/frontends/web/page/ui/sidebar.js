// @ts-check
/** The user's rooms and private talks: unread counts, and switching between them. */
import { fold, hueOf } from "../core/text.js";
import { byId, element, name, onceAFrame, openDialog, setText } from "./dom.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */

/** A screen on which the sides lie over the middle. */
export const narrow = matchMedia("(max-width: 760px)");

/** @param {boolean} shown the list of rooms, on a narrow screen */
export function showSide(shown) {
  document.body.classList.toggle("side-open", shown);
  byId("side-button").setAttribute("aria-expanded", String(shown));
}

export class Sidebar {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("../core/session.js").Session} session
   * @param {(conversation: Conversation) => void} open
   * @param {(room: string) => void} join
   */
  constructor(store, session, open, join) {
    this.store = store;
    this.session = session;
    this.open = open;
    this.join = join;
    /** @type {Map<string, HTMLAnchorElement>} */
    this.links = new Map();
    this.update = onceAFrame(() => this.draw());
    store.listen(({ what }) => {
      if (what === "list" || what === "self" || what === "people" || what === "header") this.update();
    });
    byId("join-room").addEventListener("click", () => void this.choose());
    byId("room-filter").addEventListener("input", () => this.filter());
    byId("room-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const typed = byId("room-filter").value.trim().replace(/^#/, "");
      const first = byId("room-choices").querySelector("button:not([hidden])");
      const exact = /** @type {HTMLElement | null} */ (first)?.dataset.room;
      if (typed.startsWith("@")) this.go(typed);
      else if (typed || exact) this.go(`#${exact && fold(exact).startsWith(fold(typed)) && !typed ? exact : typed || exact}`);
    });
  }

  draw() {
    const ordered = this.store.ordered();
    const shown = new Set(ordered.map((one) => one.key));
    for (const [key, link] of this.links) {
      if (shown.has(key)) continue;
      link.parentElement?.remove();
      this.links.delete(key);
    }
    for (const [list, isRoom] of /** @type {[HTMLElement, boolean][]} */ ([[byId("rooms"), true], [byId("talks"), false]])) {
      ordered.filter((one) => one.isRoom === isRoom).forEach((one, index) => {
        const item = this.item(one);
        if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
      });
    }
    byId("talks-head").hidden = ordered.every((one) => one.isRoom);
    setText(byId("own-name"), this.store.nick || "nobody yet");
    setText(byId("own-kind"), this.store.nick && !this.store.account ? "guest" : "");
    byId("own").style.setProperty("--hue", String(hueOf(this.store.nick)));
    setText(byId("server-name"), this.store.server.name || "tsservices");
    this.showTitle(ordered);
  }

  /** @param {Conversation} one @returns {HTMLElement} */
  item(one) {
    let link = this.links.get(one.key);
    if (!link) {
      link = /** @type {HTMLAnchorElement} */ (element("a", { class: "conversation" },
        element("span", { class: "sign", "aria-hidden": "true" }), element("bdi", { class: "name" }),
        element("span", { class: "count" }), element("span", { class: "unseen" })));
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        const wanted = [...this.links].find(([, other]) => other === link)?.[0];
        const found = wanted && this.store.conversations.get(wanted);
        if (found) this.open(found);
      });
      this.links.set(one.key, link);
      element("li", {}, link);
    }
    const [sign, label, count, words] = /** @type {HTMLElement[]} */ ([...link.children]);
    setText(sign, one.isRoom ? "#" : "@");
    setText(label, one.name);
    const most = one.unread > 999 || one.unreadMore;
    setText(count, one.unread ? `${Math.min(one.unread, 999)}${most ? "+" : ""}` : "");
    setText(words, one.unread ? `, ${one.unread} unread${one.mentions && one.isRoom ? `, ${one.mentions} for you` : ""}` : "");
    link.href = one.isRoom ? `#${encodeURIComponent(one.name)}` : `#@${encodeURIComponent(one.name)}`;
    link.classList.toggle("unread", one.unread > 0);
    link.classList.toggle("for-you", one.mentions > 0);
    link.classList.toggle("outside", one.isRoom && !one.inside);
    if (one === this.store.shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    return /** @type {HTMLElement} */ (link.parentElement);
  }

  /** @param {Conversation[]} ordered */
  showTitle(ordered) {
    const forYou = ordered.reduce((sum, one) => sum + one.mentions, 0);
    const unread = ordered.some((one) => one.unread);
    const where = this.store.shown ? `${this.store.shown.title} – ` : "";
    const title = `${forYou ? `(${forYou}) ` : unread ? "• " : ""}${where}${this.store.server.name || "tsservices"}`;
    if (document.title !== title) document.title = title;
    const badge = byId("menu-badge");
    setText(badge, forYou ? String(forYou) : unread ? "•" : "");
    badge.hidden = !forYou && !unread;
  }

  /** Go to the next conversation up or down; with unread, to the next unread one. @param {number} step @param {boolean} unread */
  step(step, unread) {
    const ordered = this.store.ordered();
    const start = this.store.shown ? ordered.indexOf(this.store.shown) : -1;
    for (let i = 1; i <= ordered.length; i++) {
      const one = ordered[(start + step * i + ordered.length * 2) % ordered.length];
      if (!unread || one.unread) {
        this.open(one);
        return;
      }
    }
  }

  /** Choose a room or a person, by the first letters. */
  async choose() {
    const field = byId("room-filter");
    field.value = "";
    this.offer([]);
    openDialog(byId("room-dialog"));
    field.focus();
    try {
      const [answer] = await this.session.request("rooms");
      this.offer(answer?.rooms ?? []);
    } catch {
      // Without a connection only known ones are offered.
    }
  }

  /** @param {{room: string, present: number, topic: string}[]} listed */
  offer(listed) {
    const known = this.store.ordered();
    const names = new Set(known.map((one) => one.key));
    const others = listed.filter((room) => !names.has(`#${fold(room.room)}`));
    const facts = new Map(listed.map((room) => [`#${fold(room.room)}`, room]));
    const rows = known.map((one) => this.offered(one.isRoom ? `#${one.name}` : `@${one.name}`, facts.get(one.key), one.unread))
      .concat(others.map((room) => this.offered(`#${room.room}`, room, 0)));
    byId("room-choices").replaceChildren(...rows);
    this.filter();
  }

  /** @param {string} title @param {{present: number, topic: string} | undefined} facts @param {number} unread */
  offered(title, facts, unread) {
    const note = [unread && `${unread} unread`, facts && `${facts.present} here`, facts?.topic].filter(Boolean).join(" · ");
    return element("li", {}, element("button", { type: "button", "data-room": title.slice(1), click: () => this.go(title) },
      name(title), element("span", { dir: "auto", text: note })));
  }

  filter() {
    const typed = fold(byId("room-filter").value.trim().replace(/^[#@]/, ""));
    for (const button of byId("room-choices").querySelectorAll("button")) {
      button.hidden = !fold(button.dataset.room).includes(typed);
      button.parentElement.hidden = button.hidden;
    }
  }

  /** @param {string} title with its sign */
  go(title) {
    byId("room-dialog").close();
    const bare = title.slice(1);
    if (title.startsWith("@")) this.open(this.store.talk(bare));
    else this.join(bare);
  }
}
