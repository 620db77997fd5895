// @ts-check
/**
 * The text field. Each conversation has its own text, which is kept over a change of the
 * conversation, a lost connection and a reload.
 */
import { complete, intentOf } from "../core/complete.js";
import { keptHere } from "../core/storage.js";
import { byId, element, setText } from "./dom.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */

/** Texts that Up recalls, in each conversation. */
const MOST_PAST = 100;

/** Commands with a secret: their lines are not kept. */
const SECRET = /^\/(register|passwd|login|reset|resume)\b/i;

const encoder = new TextEncoder();

export class Composer {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {object} actions
   * @param {(conversation: Conversation, text: string) => void} actions.say
   * @param {(conversation: Conversation, line: string) => void} actions.command
   */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    /** @type {HTMLTextAreaElement} */
    this.field = byId("text");
    this.hint = byId("hint");
    this.popup = byId("completions");
    /** @type {Conversation | null} */
    this.conversation = null;
    /** @type {Map<string, string[]>} */
    this.past = new Map();
    this.pastIndex = -1;
    this.typedBefore = "";
    this.pasted = false;
    /** @type {import("../core/complete.js").Completion | null} */
    this.completion = null;
    this.chosen = -1;
    byId("composer").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.submit();
    });
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    this.field.addEventListener("paste", (event) => this.paste(event));
    this.field.addEventListener("input", (event) => this.changed(/** @type {InputEvent} */ (event)));
    this.field.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    addEventListener("pagehide", () => this.keep());
  }

  /** @param {Conversation | null} conversation */
  show(conversation) {
    this.keep();
    this.close();
    this.conversation = conversation;
    this.pastIndex = -1;
    this.pasted = false;
    this.field.value = conversation ? keptHere.get(`draft ${conversation.key}`) ?? "" : "";
    setText(this.hint, "");
    this.update();
    this.resize();
  }

  /** Show whether writing is possible. */
  update() {
    const { conversation, field } = this;
    const outside = conversation?.isRoom && !conversation.inside && !conversation.wanted;
    field.disabled = !conversation || Boolean(outside);
    byId("send").disabled = field.disabled;
    const placeholder = !conversation ? "" : outside ? "You are not in this room" : `Message ${conversation.title}`;
    field.placeholder = placeholder;
    field.setAttribute("aria-label", placeholder || "Message");
  }

  keep() {
    if (!this.conversation) return;
    const key = `draft ${this.conversation.key}`;
    if (this.field.value && !SECRET.test(this.field.value)) keptHere.set(key, this.text);
    else keptHere.remove(key);
  }

  /** The text for later, when it is no longer known that it was pasted and is not a command. */
  get text() {
    const { value } = this.field;
    return this.pasted && /^\/(?!\/)/.test(value) ? `/${value}` : value;
  }

  focus() {
    this.field.focus();
  }

  /** Begin a command; Up brings back what was there. @param {string} text */
  begin(text) {
    if (this.conversation && this.field.value) this.remember(this.conversation, this.text);
    this.field.value = "";
    this.pasted = false;
    this.insert(text);
  }

  /** Insert a text for the user to continue. @param {string} text */
  insert(text) {
    this.field.setRangeText(text, this.field.selectionStart, this.field.selectionEnd, "end");
    this.changed(null);
    this.focus();
  }

  /** @param {ClipboardEvent} event */
  paste(event) {
    const { field } = this;
    if (!field.value.slice(0, field.selectionStart).trim() && event.clipboardData?.getData("text/plain").trim()) this.pasted = true;
  }

  /** @param {InputEvent | null} event */
  changed(event) {
    if (event && event.inputType === "insertText" && this.field.selectionStart === 1) this.pasted = false;
    if (event && event.inputType === "insertFromDrop") this.pasted = true;
    if (!this.field.value) this.pasted = false;
    this.pastIndex = -1;
    this.resize();
    this.showLimits();
    const { value, selectionStart } = this.field;
    if (value.startsWith("/") && !this.pasted) this.complete(selectionStart);
    else this.close();
  }

  resize() {
    const { field } = this;
    if (CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  }

  showLimits() {
    const text = this.field.value;
    const most = this.store.server.limits.message;
    const lines = text.split("\n");
    const long = lines.findIndex((line) => encoder.encode(line).length > most);
    if (long >= 0) setText(this.hint, `Line ${long + 1} is too long: at most ${most} bytes.`);
    else if (text.length > this.field.maxLength - 100) setText(this.hint, `Full: at most ${this.field.maxLength} characters. The end of a pasted text may be missing.`);
    else if (this.pasted && text.startsWith("/")) setText(this.hint, "Pasted: this will be sent as text, not as a command.");
    else if (/^\/\S+\s/.test(text)) setText(this.hint, this.usage(text));
    else if (lines.length > 1) setText(this.hint, `${lines.length} lines`);
    else setText(this.hint, "");
  }

  /** The usage of the typed command. @param {string} text @returns {string} */
  usage(text) {
    const typed = text.slice(1).split(/\s/, 1)[0].toLowerCase();
    const found = this.store.server.commands.find((/** @type {{name: string}} */ one) => one.name === typed);
    return found ? `/${found.name} ${found.usage}: ${found.meaning}` : "";
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    // Enter also chooses a character in input methods.
    if (event.isComposing || event.keyCode === 229) return;
    const { field } = this;
    if (!this.popup.hidden && this.pressedInList(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.ctrlKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Tab" && !event.shiftKey && field.value) {
      if (this.complete(field.selectionStart)) {
        event.preventDefault();
        if (this.completion?.candidates.length === 1) this.accept(0);
        else this.choose(0);
      }
    } else if (event.key === "ArrowUp" && !event.altKey && this.atFirstLine()) {
      this.recall(1, event);
    } else if (event.key === "ArrowDown" && !event.altKey && this.pastIndex >= 0) {
      this.recall(-1, event);
    }
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the list handled it */
  pressedInList(event) {
    const count = this.completion?.candidates.length ?? 0;
    const step = { ArrowDown: 1, ArrowUp: -1, Tab: event.shiftKey ? -1 : 1 }[event.key];
    if (step) {
      event.preventDefault();
      if (event.key === "Tab" && count === 1) this.accept(0);
      else this.choose((this.chosen + step + count) % count);
    } else if (event.key === "Enter" && this.chosen >= 0) {
      event.preventDefault();
      this.accept(this.chosen);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else {
      return false;
    }
    return true;
  }

  atFirstLine() {
    const { value, selectionStart, selectionEnd } = this.field;
    return selectionStart === selectionEnd && (this.pastIndex >= 0 || selectionStart === 0) && !value.slice(0, selectionStart).includes("\n");
  }

  /** @param {number} step @param {KeyboardEvent} event */
  recall(step, event) {
    const past = this.past.get(this.conversation?.key ?? "") ?? [];
    const index = this.pastIndex + step;
    if (index >= past.length) return;
    event.preventDefault();
    if (this.pastIndex < 0) this.typedBefore = this.text;
    this.pastIndex = index;
    this.field.value = index < 0 ? this.typedBefore : past[past.length - 1 - index];
    this.field.setSelectionRange(this.field.value.length, this.field.value.length);
    this.pasted = false;
    this.resize();
    this.showLimits();
  }

  /** @param {number} caret @returns {boolean} whether there is something to complete */
  complete(caret) {
    const conversation = this.conversation;
    const speakers = [...(conversation?.speakers.values() ?? [])].reverse();
    const members = [...(conversation?.people.values() ?? [])].map((person) => person.nick);
    const nicks = [...new Set([...speakers, ...members])].filter((nick) => !this.store.isOwn(nick));
    const rooms = this.store.ordered().filter((one) => one.isRoom).map((one) => one.name);
    this.completion = complete(this.field.value, caret, { commands: this.store.server.commands, rooms, nicks });
    this.chosen = -1;
    this.showList();
    return this.completion !== null;
  }

  showList() {
    const candidates = this.completion?.candidates ?? [];
    this.popup.hidden = !candidates.length;
    this.popup.replaceChildren(...candidates.map((candidate, index) => element(
      "div",
      {
        role: "option", id: `completion-${index}`, "aria-selected": String(index === this.chosen),
        mousedown: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.accept(index);
        },
      },
      element("b", { text: candidate.text.trim() }), " ", element("span", { text: candidate.note }),
    )));
    if (this.chosen >= 0) {
      this.field.setAttribute("aria-activedescendant", `completion-${this.chosen}`);
      this.popup.children[this.chosen]?.scrollIntoView({ block: "nearest" });
    } else {
      this.field.removeAttribute("aria-activedescendant");
    }
  }

  /** @param {number} index */
  choose(index) {
    this.chosen = index;
    this.showList();
  }

  /** @param {number} index */
  accept(index) {
    const { completion } = this;
    if (!completion) return;
    this.field.setRangeText(completion.candidates[index].text, completion.start, completion.end, "end");
    this.close();
    this.resize();
    this.showLimits();
  }

  close() {
    this.completion = null;
    this.chosen = -1;
    if (!this.popup.hidden) this.showList();
  }

  submit() {
    const { conversation, field } = this;
    if (!conversation || field.disabled) return;
    const text = field.value;
    const intent = intentOf(text, this.pasted);
    if (intent.do === "nothing") return;
    if (intent.do === "hold") {
      setText(this.hint, intent.why);
      return;
    }
    this.remember(conversation, this.text);
    field.value = "";
    this.pasted = false;
    this.pastIndex = -1;
    this.keep();
    this.close();
    this.resize();
    setText(this.hint, "");
    if (intent.do === "say") this.actions.say(conversation, intent.text);
    else this.actions.command(conversation, intent.line);
  }

  /** @param {Conversation} conversation @param {string} text */
  remember(conversation, text) {
    if (SECRET.test(text)) return;
    const past = this.past.get(conversation.key) ?? [];
    if (past[past.length - 1] !== text) past.push(text);
    if (past.length > MOST_PAST) past.shift();
    this.past.set(conversation.key, past);
  }
}
