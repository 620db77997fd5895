// @ts-check
/** What the menus of a line, a person, and a room or talk offer. */
import { copyText as lineText, TALK } from "../core/sentences.js";
import { addressOf } from "./address.js";
import { byId, copyText, openDialog, setText } from "./dom.js";
import { openMenu } from "./menu.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */
/** @typedef {import("../core/history.js").Line} Line */

/** @param {string} text @param {string} verb @param {() => void} then */
function confirm(text, verb, then) {
  const dialog = byId("confirm");
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), verb);
  byId("confirm-yes").onclick = () => {
    dialog.close();
    then();
  };
  openDialog(dialog);
}

export class Menus {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("../core/session.js").Session} session
   * @param {import("./settings.js").Settings} settings
   * @param {import("./composer.js").Composer} composer
   * @param {object} actions
   * @param {(conversation: Conversation) => void} actions.open
   * @param {(conversation: Conversation, line: string) => void} actions.command
   * @param {(room: Conversation) => Promise<void>} actions.leave
   * @param {(conversation: Conversation) => void} actions.drop take it off the list
   */
  constructor(store, session, settings, composer, actions) {
    this.store = store;
    this.session = session;
    this.settings = settings;
    this.composer = composer;
    this.actions = actions;
  }

  /** @param {Line} line @param {HTMLElement} from */
  ofLine(line, from) {
    const conversation = this.store.shown;
    if (!conversation) return;
    const spoken = TALK.has(line.kind);
    const mayDelete = conversation.isRoom && line.seq && spoken && conversation.inside
      && ((line.own && this.store.account !== null) || ["operator", "founder", "server"].includes(conversation.rank));
    // Messages between accounts are stored; the author may delete them for both.
    const ownLetter = !conversation.isRoom && spoken && line.own && line.id;
    openMenu(from, "This line", [
      spoken && { text: "Copy the text", do: () => void copyText(line.text) },
      { text: "Copy with time and name", do: () => void copyText(lineText(line)) },
      line.seq > 0 && conversation.isRoom && {
        text: "Copy a link to this line",
        do: () => void copyText(new URL(addressOf(conversation, line.seq), document.baseURI).href),
      },
      spoken && !line.own && { text: `Answer ${line.nick}`, do: () => this.composer.insert(this.composer.field.value ? `${line.nick} ` : `${line.nick}: `) },
      spoken && !line.own && conversation.isRoom && { text: `Talk with ${line.nick} in private`, do: () => this.actions.open(this.store.talk(line.nick)) },
      Boolean(mayDelete) && {
        text: "Delete…", danger: true,
        do: () => confirm(`Delete what ${line.nick} said here, for everybody? ${lineText(line)}`, "Delete", () => {
          this.session.request("delete", { room: conversation.name, seq: line.seq })
            .catch((error) => this.store.note(conversation, "error", error.message));
        }),
      },
      Boolean(ownLetter) && {
        text: "Delete…", danger: true,
        do: () => confirm(`Delete this, for ${conversation.name} too? ${lineText(line)}`, "Delete", () => {
          this.session.command(conversation, `/delete ${line.id}`).catch(() => {});
        }),
      },
    ]);
  }

  /** @param {string} nick @param {HTMLElement} from */
  ofPerson(nick, from) {
    const room = this.store.shown;
    if (!room) return;
    const operator = ["operator", "founder", "server"].includes(room.rank);
    const run = (/** @type {string} */ line) => () => this.actions.command(room, line);
    openMenu(from, nick, [
      !this.store.isOwn(nick) && { text: "Talk in private", do: () => this.actions.open(this.store.talk(nick)) },
      { text: "Mention", do: () => this.composer.insert(this.composer.field.value ? `${nick} ` : `${nick}: `) },
      { text: "Who is that?", do: run(`/whois ${nick}`) },
      !this.store.isOwn(nick) && { text: "Ignore, or hear again", do: run(`/ignore ${nick}`) },
      operator && !this.store.isOwn(nick) && { text: "Kick…", danger: true, do: () => confirm(`Have ${nick} leave ${room.title}?`, "Kick", run(`/kick ${nick}`)) },
    ]);
  }

  /** @param {HTMLElement} from */
  ofRoom(from) {
    const room = this.store.shown;
    if (!room) return;
    const level = this.settings.levelOf(room);
    const levels = /** @type {[string, string][]} */ (room.isRoom
      ? [["mentions", "Notify when I am mentioned"], ["all", "Notify of all lines"], ["none", "Never notify"]]
      : [["mentions", "Notify"], ["none", "Never notify"]]);
    openMenu(from, room.title, [
      room.isRoom && { text: "Change the topic…", do: () => this.composer.begin("/topic ") },
      { text: "Copy a link to this place", do: () => void copyText(new URL(addressOf(room), document.baseURI).href) },
      ...levels.map(([value, text]) => ({ text, checked: level === value, do: () => this.settings.setLevel(room, value) })),
      room.isRoom && room.inside && { text: `Leave ${room.title}`, danger: true, do: () => void this.actions.leave(room) },
      room.isRoom && !room.inside && { text: "Remove from the list", danger: true, do: () => this.actions.drop(room) },
      !room.isRoom && { text: "Close this talk", danger: true, do: () => this.actions.drop(room) },
    ]);
  }
}
