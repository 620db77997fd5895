// @ts-check
/** The user's own lines that the server has not acknowledged yet. */
import { nanoseconds } from "./times.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./history.js").Line} Line */
/** @typedef {{conversation: Conversation, text: string, line: Line, requested: number, sent: boolean}} Unsent */

/**
 * @typedef {object} Sender the session, as far as the outbox needs it
 * @property {boolean} inside whether texts can be sent now
 * @property {(verb: string, fields: Record<string, any>) => Promise<any>} request
 */

export class Outbox {
  /**
   * @param {import("./store.js").Store} store
   * @param {{now: () => number}} world
   * @param {Sender} session
   */
  constructor(store, world, session) {
    this.store = store;
    this.world = world;
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
    const most = this.store.server.limits.lines;
    for (let i = 0; i < lines.length; i += most) this.sayPart(conversation, lines.slice(i, i + most).join("\n"));
  }

  /** @param {Conversation} conversation @param {string} text at most as one request may say */
  sayPart(conversation, text) {
    const line = this.store.note(conversation, "message", text, nanoseconds(this.world.now()));
    Object.assign(line, { own: true, nick: this.store.nick, state: "sending" });
    const unsent = { conversation, text, line, requested: 0, sent: false };
    this.unsent.push(unsent);
    this.transmit(unsent);
  }

  /** @param {Unsent} unsent */
  transmit(unsent) {
    const { conversation, text } = unsent;
    if (!this.session.inside) {
      this.mark(unsent, "waiting");
      return;
    }
    unsent.sent = true;
    unsent.requested = conversation.history.newest.last;
    this.mark(unsent, "sending");
    const sent = conversation.isRoom
      ? this.session.request("say", { room: conversation.name, text })
      : this.session.request("whisper", { nick: conversation.name, text });
    sent.then(() => this.settle(unsent), (error) => {
      if (error.code === "lost") {
        this.mark(unsent, "unknown");
        return;
      }
      this.mark(unsent, "refused");
      this.unsent = this.unsent.filter((one) => one !== unsent);
      this.store.note(conversation, "error", error.message);
    });
  }

  /** It was said: the room has the server's line. @param {Unsent} unsent */
  settle(unsent) {
    this.unsent = this.unsent.filter((one) => one !== unsent);
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
      if (unsent.sent && this.arrived(unsent)) this.settle(unsent);
      else if (!unsent.sent || sure) this.transmit(unsent);
      else this.mark(unsent, "perhaps");
    }
  }

  /** @param {Unsent} unsent */
  arrived({ conversation, text, requested }) {
    const said = conversation.history.newest.lines
      .filter((line) => line.own && !line.state && (line.at > requested || !conversation.isRoom))
      .map((line) => line.text);
    return text.split("\n").every((one) => said.includes(one));
  }

  /** Repeat a text that perhaps was not sent. @param {Line} line */
  sayAgain(line) {
    const unsent = this.unsent.find((one) => one.line === line);
    if (unsent) this.transmit(unsent);
  }

  /** Drop an unsent text. @param {Line} line @returns {string} its text */
  withdraw(line) {
    const unsent = this.unsent.find((one) => one.line === line);
    if (unsent) this.settle(unsent);
    return line.text;
  }
}
