// @ts-check
/**
 * The conversation on the screen: its lines, older ones on scrolling, jumps to a line, and the
 * first unread line.
 */
import { copyText as lineText } from "../core/sentences.js";
import { PAGE, RequestError } from "../core/session.js";
import { announce, byId, setText } from "./dom.js";
import { MessageList } from "./list.js";
import { drawLine, guessHeight, stateOf } from "./row.js";

/** @typedef {import("../core/history.js").Line} Line */
/** @typedef {import("../core/history.js").Stretch} Stretch */
/** @typedef {import("../core/conversation.js").Conversation} Conversation */

/** Pixels from either end at which more is loaded. */
const NEAR = 1500;

export class Pane {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("../core/session.js").Session} session
   * @param {(line: Line, from: HTMLElement) => void} openMenu
   * @param {(text: string) => void} edit put a text back in the field
   */
  constructor(store, session, openMenu, edit) {
    this.store = store;
    this.session = session;
    this.openMenu = openMenu;
    this.edit = edit;
    this.view = byId("lines");
    this.endButton = byId("to-end");
    /** @type {Conversation | null} */
    this.conversation = null;
    /** @type {Stretch | null} */
    this.stretch = null;
    /** The last number read before the conversation was shown. @type {number | null} */
    this.readBefore = null;
    /** By conversation, where reading stopped. @type {Map<string, Line>} */
    this.places = new Map();
    /** @type {Line | null} */
    this.current = null;
    this.loading = false;
    /** @type {Line | null} */
    this.firstUnread = null;
    const rows = {
      state: (/** @type {Line} */ line, /** @type {Line | undefined} */ previous) => stateOf(line, previous, line === this.firstUnread),
      draw: (/** @type {Line} */ line, /** @type {Line | undefined} */ previous) => drawLine(line, previous, line === this.firstUnread),
      guess: guessHeight,
    };
    this.list = new MessageList(this.view, rows, () => this.moved());
    this.view.addEventListener("click", (/** @type {MouseEvent} */ event) => this.clicked(event));
    this.view.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.pressed(event));
    this.view.addEventListener("copy", (/** @type {ClipboardEvent} */ event) => this.copied(event));
    this.view.addEventListener("focusin", (/** @type {FocusEvent} */ event) => {
      this.current = this.list.lineAt(/** @type {Node} */ (event.target)) ?? this.current;
    });
    this.endButton.addEventListener("click", () => this.toEnd());
    store.listen((change) => this.hear(change));
    // The server keeps no marks for private talks.
    this.windows = new BroadcastChannel("read");
    this.windows.addEventListener("message", ({ data }) => {
      const talk = store.conversations.get(data.key);
      if (talk && data.account && data.account === store.account) store.readTo(talk, data.read);
    });
  }

  /** @param {Conversation} conversation */
  show(conversation) {
    if (this.conversation && this.stretch) {
      const anchor = this.list.anchor();
      if (anchor) this.places.set(this.conversation.key, anchor.line);
      else this.places.delete(this.conversation.key);
    }
    this.conversation = conversation;
    this.readBefore = conversation.unread ? conversation.read : null;
    const place = this.places.get(conversation.key);
    const { history } = conversation;
    this.stretch = place ? history.stretches.find((one) => one.lines.includes(place)) ?? history.newest : history.newest;
    this.list.sticks = this.stretch === history.newest;
    this.findUnread();
    this.current = null;
    this.view.setAttribute("aria-label", `Messages: ${conversation.title}`);
    this.list.show(this.stretch.lines, true);
    if (place && this.stretch.lines.includes(place)) this.list.reveal(place);
  }

  findUnread() {
    const read = this.readBefore;
    this.firstUnread = read === null || !this.stretch || this.stretch.last <= read ? null
      : this.stretch.lines.find((line) => line.seq > read && !line.own) ?? null;
    // No known line is before it: the mark would show all as new.
    if (this.firstUnread && this.stretch && this.firstUnread === this.stretch.lines[0] && read === 0) this.firstUnread = null;
  }

  /** @param {import("../core/store.js").Change} change */
  hear({ what, conversation }) {
    if (conversation !== this.conversation || !conversation) return;
    if (what !== "appended" && what !== "lines") return;
    const { history } = conversation;
    if (what === "appended" && this.stretch === history.newest) {
      if (this.list.lines !== this.stretch.lines) this.list.changed(this.stretch.lines);
      else this.list.appended();
      return;
    }
    if (this.list.sticks && this.list.atEnd) {
      // Too much was missed to fill the gap: a view at the end moves to the new end.
      this.stretch = history.newest;
    } else if (!this.stretch || !history.stretches.includes(this.stretch)) {
      const anchor = this.list.anchor();
      this.stretch = (anchor && history.stretches.find((one) => one.lines.includes(anchor.line))) || history.newest;
    }
    this.list.sticks = this.stretch === history.newest;
    if (this.readBefore !== null && !this.firstUnread) this.findUnread();
    this.list.changed(this.stretch.lines);
  }

  /** Whether the newest lines are on the screen. */
  get atEnd() {
    return this.list.atEnd && this.stretch === this.conversation?.history.newest;
  }

  moved() {
    const { conversation, stretch } = this;
    if (!conversation || !stretch) return;
    this.store.watched = this.atEnd && !document.hidden;
    if (this.store.watched) this.seen();
    this.endButton.hidden = this.atEnd;
    if (!this.endButton.hidden) {
      setText(this.endButton, conversation.unread ? `${conversation.unread} new ↓` : "To the newest ↓");
    }
    this.showHead();
    const { list } = this;
    if (list.scrollTop < NEAR) void this.loadOlder();
    else if (stretch !== conversation.history.newest && list.scrollTop + list.height > list.total - NEAR) void this.loadNewer();
  }

  /** Mark the lines on the screen as read. */
  seen() {
    if (!this.conversation) return;
    const seq = this.store.markRead(this.conversation);
    if (!seq) return;
    if (this.conversation.isRoom) this.session.markRead(this.conversation, seq);
    else this.windows.postMessage({ account: this.store.account, key: this.conversation.key, read: seq });
  }

  showHead() {
    const { conversation, stretch } = this;
    if (!conversation || !stretch) return;
    const begins = conversation.isRoom && !conversation.history.fresh && stretch.first <= conversation.history.start;
    const kept = conversation.history.start > 1 ? "Older lines are no longer kept" : `This is where ${conversation.title} begins`;
    setText(this.list.head, begins ? kept : this.loading ? "Loading older lines…" : conversation.isRoom || conversation.history.newest.lines.length ? "" : `You talk with ${conversation.name}; nobody else sees it`);
  }

  async loadOlder() {
    const { conversation, stretch } = this;
    if (conversation && stretch && !conversation.isRoom) {
      const oldest = stretch.lines.find((line) => line.id);
      if (!oldest || !conversation.more || this.loading || !this.session.inside) return;
      await this.load(() => this.session.loadLetters(conversation, oldest.id), conversation, () => {}, stretch);
      return;
    }
    if (!conversation?.isRoom || !stretch || this.loading || conversation.history.fresh) return;
    if (stretch.first <= conversation.history.start || !this.session.inside) return;
    await this.load(() => this.session.loadLines(conversation, stretch.first), conversation, () => {
      // Older lines are not stored, or not for this user.
      if (stretch.first > conversation.history.start) conversation.history.start = stretch.first;
    }, stretch);
  }

  async loadNewer() {
    const { conversation, stretch } = this;
    if (!conversation?.isRoom || !stretch || this.loading || !this.session.inside) return;
    await this.load(() => this.session.loadLines(conversation, stretch.last + 1 + PAGE), conversation, () => {}, stretch);
  }

  /**
   * @param {() => Promise<any>} request @param {Conversation} conversation
   * @param {() => void} nothing called if no line came @param {Stretch} stretch
   */
  async load(request, conversation, nothing, stretch) {
    this.loading = true;
    const before = stretch.first + stretch.last;
    this.showHead();
    try {
      await request();
      if (stretch.first + stretch.last === before && conversation.history.stretches.includes(stretch)) nothing();
    } catch {
      // Scrolling tries again.
    } finally {
      this.loading = false;
      this.list.drawSoon();
    }
  }

  toEnd() {
    const { conversation } = this;
    if (!conversation) return;
    this.stretch = conversation.history.newest;
    this.list.sticks = true;
    if (this.list.lines !== this.stretch.lines) this.list.show(this.stretch.lines, true);
    this.list.toEnd();
  }

  /** Show any line. @param {number} seq */
  async jump(seq) {
    const { conversation } = this;
    if (!conversation?.isRoom) return;
    if (!conversation.history.find(seq)) {
      try {
        await this.session.loadAround(conversation, seq);
      } catch (error) {
        // That there is no such line is said below.
        if (!(error instanceof RequestError && error.code === "no-line")) {
          this.store.note(conversation, "error", error instanceof Error ? error.message : "");
        }
      }
    }
    if (conversation !== this.conversation) return;
    const stretch = conversation.history.around(seq);
    const line = conversation.history.find(seq);
    if (!stretch || !line) {
      this.store.note(conversation, "error", `there is no line ${seq} here`);
      this.toEnd();
      return;
    }
    this.stretch = stretch;
    this.list.sticks = stretch === conversation.history.newest;
    if (this.list.lines !== stretch.lines) this.list.show(stretch.lines, false);
    const row = this.list.reveal(line);
    const shown = /** @type {HTMLElement | null} */ (row?.querySelector(".line"));
    if (!shown) return;
    shown.classList.add("found");
    shown.focus({ preventScroll: true });
    setTimeout(() => shown.classList.remove("found"), 3000);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const button = /** @type {HTMLElement} */ (event.target).closest?.("[data-do]");
    const line = button && this.list.lineAt(button);
    if (!line || !(button instanceof HTMLElement)) return;
    if (button.dataset.do === "menu") this.openMenu(line, button);
    else if (button.dataset.do === "again") this.session.outbox.sayAgain(line);
    else if (button.dataset.do === "withdraw") {
      const text = this.session.outbox.withdraw(line);
      const { lines } = this.list;
      const index = lines.indexOf(line);
      if (index >= 0) lines.splice(index, 1);
      this.list.changed();
      if (line.state === "refused") this.edit(text);
    }
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      this.step(step);
    } else if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      if (event.key === "End") this.toEnd();
      else this.focus(0);
    } else if ((event.key === "Enter" || event.key === "ContextMenu") && this.current) {
      const row = this.list.nodeOf(this.current);
      const target = /** @type {HTMLElement} */ (event.target);
      if (!row || target.closest("a, button")) return;
      event.preventDefault();
      this.openMenu(this.current, /** @type {HTMLElement} */ (row.querySelector(".line")));
    }
  }

  /** @param {number} step */
  step(step) {
    const index = this.current ? this.list.lines.indexOf(this.current) : -1;
    // New lines may not be drawn yet.
    if (index < 0) this.list.draw();
    this.focus(index < 0 ? Math.max(this.list.last - 1, 0) : index + step);
  }

  /** @param {number} index */
  focus(index) {
    const wanted = Math.max(0, Math.min(index, this.list.lines.length - 1));
    const row = this.list.uncover(wanted);
    /** @type {HTMLElement | null | undefined} */ (row?.querySelector(".line"))?.focus({ preventScroll: true });
  }

  /** Several lines are copied with their times and names. @param {ClipboardEvent} event */
  copied(event) {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed) return;
    const chosen = this.list.lines.slice(this.list.first, this.list.last)
      .filter((line) => {
        const row = this.list.nodeOf(line);
        return row && selection.containsNode(row, true);
      });
    if (chosen.length < 2) return;
    event.preventDefault();
    event.clipboardData?.setData("text/plain", `${chosen.map(lineText).join("\n")}\n`);
    announce(`${chosen.length} lines copied`);
  }
}
