// @ts-check
/** Search: the results, and jumps to them. */
import { actionText, TALK } from "../core/sentences.js";
import { clockText, shortDayText } from "../core/times.js";
import { byId, element, setText } from "./dom.js";
import { nickElement, textNodes } from "./row.js";

/** @typedef {import("../core/wire.js").Unit} Unit */

export class Search {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("../core/session.js").Session} session
   * @param {(room: string, seq: number) => void} jump
   */
  constructor(store, session, jump) {
    this.store = store;
    this.session = session;
    this.jump = jump;
    this.panel = byId("search");
    this.results = byId("search-results");
    this.field = byId("search-text");
    this.state = byId("search-state");
    this.asked = { text: "", room: /** @type {string | null} */ (null) };
    /** The id of the oldest found line. */
    this.oldest = "";
    byId("search-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.begin();
    });
    byId("search-older").addEventListener("click", () => void this.ask());
    byId("search-close").addEventListener("click", () => this.close());
  }

  open() {
    this.panel.hidden = false;
    this.field.focus();
    this.field.select();
  }

  close() {
    this.panel.hidden = true;
  }

  async begin() {
    const text = this.field.value.trim();
    if (!text) return;
    const shown = this.store.shown;
    const everywhere = byId("search-everywhere").checked || !shown?.isRoom;
    this.asked = { text, room: everywhere ? null : shown.name };
    this.oldest = "";
    this.results.replaceChildren();
    await this.ask();
  }

  async ask() {
    const { asked } = this;
    setText(this.state, "Searching…");
    byId("search-older").hidden = true;
    try {
      const answers = await this.session.request("search", { ...asked, before: this.oldest });
      // Meanwhile another search has begun.
      if (asked !== this.asked) return;
      const found = answers.find((/** @type {Unit} */ one) => one.type === "found");
      this.add(found ?? { type: "found", messages: [], more: false });
    } catch (error) {
      if (asked === this.asked) setText(this.state, error instanceof Error ? error.message : "");
    }
  }

  /** @param {Unit} found */
  add(found) {
    // The newest is first: it is searched for most often.
    const rows = [...found.messages].reverse().map((/** @type {Unit} */ one) => this.row(one));
    this.results.append(...rows);
    this.oldest = found.messages[0]?.id ?? "";
    const count = this.results.childElementCount;
    setText(this.state, count ? `${count}${found.more ? " newest" : ""} found` : "Nothing was found.");
    byId("search-older").hidden = !found.more;
  }

  /** @param {Unit} line */
  row(line) {
    const text = element("span", { class: "text", dir: "auto" });
    // The whole row is a button: links in it become text.
    text.append(...(TALK.has(line.kind) ? textNodes(line.text) : [actionText(/** @type {any} */ (line))])
      .map((/** @type {any} */ node) => (node instanceof HTMLAnchorElement ? document.createTextNode(node.textContent ?? "") : node)));
    return element("li", {}, element("button", {
      type: "button", class: "hit", click: () => this.jump(line.room, line.seq),
    },
    element("span", { class: "hit-head" }, nickElement(line.nick), element("span", { text: `${shortDayText(line.time)} ${clockText(line.time)} · #${line.room} ${line.seq}` })),
    text));
  }
}
