// @ts-check
/** The user's own lines that the server has not acknowledged yet. */

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./history.js").Line} Line */

/**
 * Bytes in one request, as they are sent. The server takes four times as many, but a request that
 * flood control delays for more than some seconds makes the connection look dead.
 */
const MOST_SAID = 16_384;

const encoder = new TextEncoder();

/**
 * A text without what the server may change: hidden characters, which it shows as \x1b or \u202e.
 * @param {string} text
 */
const skeleton = (text) => text.replace(/\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})/g, "")
  .replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S}]/gu, "");

/**
 * @typedef {object} Unsent
 * @property {Conversation} conversation
 * @property {string} text
 * @property {Line} line
 * @property {number} behind the place of the last line before it
 * @property {boolean} sent
 */

/** Where the server has a line. @param {Conversation} conversation @param {Line} [line] */
const placeOf = (conversation, line) => (line ? (conversation.isRoom ? line.at : line.time) : 0);

/** The place of the newest line of the server. @param {Conversation} conversation */
const newestPlace = (conversation) =>
  placeOf(conversation, conversation.history.newest.lines.findLast((line) => line.nick && !line.state));

/**
 * @typedef {object} Sender the session, as far as the outbox needs it
 * @property {boolean} inside whether texts can be sent now
 * @property {(verb: string, fields: Record<string, any>) => Promise<any>} request
 */

export class Outbox {
  /**
   * @param {import("./store.js").Store} store
   * @param {Sender} session
   */
  constructor(store, session) {
    this.store = store;
    this.session = session;
    /** @type {Unsent[]} */
    this.unsent = [];
  }

  /**
   * Say a text; without a connection it waits for the next one.
   * @param {Conversation} conversation @param {string} text
   */
  say(conversation, text) {
    const lines = text.replace(/\t/g, "    ").split(/\r\n|[\r\n]/).filter((one) => one.trim());
    /** @type {string[]} */
    let part = [];
    let size = 0;
    for (const line of lines) {
      const bytes = encoder.encode(JSON.stringify(line)).length;
      if (part.length && (part.length >= this.store.server.limits.lines || size + bytes > MOST_SAID)) {
        this.sayPart(conversation, part.join("\n"));
        part = [];
        size = 0;
      }
      part.push(line);
      size += bytes;
    }
    if (part.length) this.sayPart(conversation, part.join("\n"));
  }

  /** @param {Conversation} conversation @param {string} text at most as one request may say */
  sayPart(conversation, text) {
    const line = this.store.note(conversation, "message", text);
    Object.assign(line, { own: true, nick: this.store.nick, state: "sending" });
    const unsent = { conversation, text, line, behind: 0, sent: false };
    this.unsent.push(unsent);
    this.transmitNext();
  }

  /** Send the next text if none is under way: behind many, no sign of life would come in time. */
  transmitNext() {
    const waiting = this.unsent.filter((one) => !one.sent);
    if (!this.session.inside) for (const one of waiting) this.mark(one, "waiting");
    else if (waiting.length && !this.unsent.some((one) => one.sent && one.line.state === "sending")) this.transmit(waiting[0]);
  }

  /** @param {Unsent} unsent */
  transmit(unsent) {
    const { conversation, text } = unsent;
    unsent.sent = true;
    unsent.behind = newestPlace(conversation);
    this.mark(unsent, "sending");
    const sent = conversation.isRoom
      ? this.session.request("say", { room: conversation.name, text })
      : this.session.request("whisper", { nick: conversation.name, text });
    sent.then(() => this.settle(unsent, newestPlace(conversation)), (error) => {
      if (error.code === "lost") {
        this.mark(unsent, "unknown");
        return;
      }
      this.mark(unsent, "refused");
      this.unsent = this.unsent.filter((one) => one !== unsent);
      this.store.note(conversation, "error", error.message);
    }).then(() => this.transmitNext());
  }

  /**
   * It was said: the room has the server's line.
   * @param {Unsent} unsent @param {number} [place] that of the line: texts sent later are behind it
   */
  settle(unsent, place = 0) {
    this.unsent = this.unsent.filter((one) => one !== unsent);
    for (const one of this.unsent) if (one.conversation === unsent.conversation) one.behind = Math.max(one.behind, place);
    const { history } = unsent.conversation;
    for (const stretch of history.stretches) {
      const index = stretch.lines.lastIndexOf(unsent.line);
      if (index >= 0) stretch.lines.splice(index, 1);
    }
    this.store.changed("lines", unsent.conversation);
  }

  /** @param {Unsent} unsent @param {string} state */
  mark(unsent, state) {
    unsent.line.state = state;
    this.store.changed("lines", unsent.conversation, unsent.line);
  }

  /**
   * After a lost connection: texts that arrived are among the new lines.
   * @param {boolean} sure whether the server has closed the lost connection too
   */
  resend(sure) {
    for (const unsent of [...this.unsent]) {
      const { conversation } = unsent;
      const place = unsent.sent ? this.arrivedAt(unsent) : 0;
      if (place) this.settle(unsent, place);
      // Private messages of guests are not kept: they may have arrived all the same.
      else if (unsent.sent && sure && (conversation.isRoom || conversation.ids.size)) unsent.sent = false;
      else if (unsent.sent) this.mark(unsent, "perhaps");
    }
    this.transmitNext();
  }

  /** @param {Unsent} unsent @returns {number} the place of its last line; 0: it has not arrived */
  arrivedAt({ conversation, text, behind }) {
    const wanted = skeleton(text);
    const said = conversation.history.newest.lines
      .filter((line) => line.own && !line.state && placeOf(conversation, line) > behind);
    for (let i = 0; i < said.length; i++) {
      // The server may have split it into more lines.
      for (let j = i, found = ""; j < said.length && wanted.startsWith(found); j++) {
        found += skeleton(said[j].text);
        if (found === wanted) return placeOf(conversation, said[j]);
      }
    }
    return 0;
  }

  /** Repeat a text that perhaps was not sent. @param {Line} line */
  sayAgain(line) {
    const unsent = this.unsent.find((one) => one.line === line);
    if (!unsent) return;
    unsent.sent = false;
    this.transmitNext();
  }

  /** Drop an unsent text. @param {Line} line @returns {string} its text */
  withdraw(line) {
    const unsent = this.unsent.find((one) => one.line === line);
    if (unsent) this.settle(unsent);
    return line.text;
  }
}
