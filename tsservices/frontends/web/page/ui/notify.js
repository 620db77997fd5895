// @ts-check
/** Announces new lines: to screen readers, and by notifications if the page is not visible. */
import { plainText } from "../core/text.js";
import { plural } from "../core/times.js";
import { announce } from "./dom.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */
/** @typedef {import("../core/history.js").Line} Line */

/** Milliseconds in which lines are collected; more than so many are only counted. */
const PAUSE = 400, MOST_READ = 4;

export class Notifier {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("./settings.js").Settings} settings
   * @param {(conversation: Conversation, seq: number) => void} open
   */
  constructor(store, settings, open) {
    this.store = store;
    this.settings = settings;
    this.open = open;
    /** @type {string[]} */
    this.waiting = [];
    this.timer = 0;
    store.listen(({ what, conversation, line }) => {
      if (what === "message" && conversation && line) this.hear(conversation, line);
    });
  }

  /** @param {Conversation} conversation @param {Line} line */
  hear(conversation, line) {
    const here = conversation === this.store.shown;
    const personal = line.mention || !conversation.isRoom;
    if (here || personal) this.read(`${here ? "" : `${conversation.title}: `}${line.nick}: ${line.text}`);
    const level = this.settings.levelOf(conversation);
    const wanted = level === "all" || (level !== "none" && personal);
    if (wanted && this.settings.notifiesMentions && (document.hidden || !document.hasFocus() || !here)) {
      const seen = here && this.store.watched;
      // Another window may show it, which says so first.
      setTimeout(() => {
        if (seen || !this.store.wasRead(conversation, line)) this.notify(conversation, line);
      }, PAUSE);
    }
  }

  /** @param {string} text */
  read(text) {
    this.waiting.push(plainText(text));
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      const texts = this.waiting.splice(0);
      // Reading a busy room aloud would never end.
      if (texts.length > MOST_READ) announce(`${plural(texts.length, "new line")}`);
      else for (const one of texts) announce(one);
    }, PAUSE);
  }

  /** @param {Conversation} conversation @param {Line} line */
  notify(conversation, line) {
    try {
      const title = conversation.isRoom ? `${line.nick} in ${conversation.title}` : line.nick;
      const shown = new Notification(plainText(title), { body: plainText(line.text).slice(0, 300), tag: conversation.key, renotify: true });
      shown.onclick = () => {
        window.focus();
        shown.close();
        this.open(conversation, line.seq);
      };
    } catch {
      // Some phones allow them only for service workers.
    }
  }
}
