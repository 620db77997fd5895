// @ts-check
/** The user's settings: look and announcements. Kept in this browser. */
import { kept } from "../core/storage.js";
import { byId, openDialog, setText } from "./dom.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */

/** @param {string} name @param {string} otherwise */
const stored = (name, otherwise) => kept.get(name) ?? otherwise;

export class Settings {
  /** @param {import("../core/store.js").Store} store @param {() => void} changed */
  constructor(store, changed) {
    this.store = store;
    this.changed = changed;
    this.connect("theme", "auto", (value) => { document.documentElement.dataset.theme = value; });
    this.connect("presence", "shown", (value) => { document.documentElement.dataset.presence = value; });
    const mention = byId("notify-mention");
    // A browser takes its permission back when the site's data are cleared, or after some weeks.
    mention.checked = stored("notify-mention", "") === "on" && globalThis.Notification?.permission === "granted";
    mention.addEventListener("change", () => void this.askPermission(mention));
    byId("settings-button").addEventListener("click", () => this.open());
    this.showPossible();
  }

  /** @param {string} name @param {string} otherwise @param {(value: string) => void} apply */
  connect(name, otherwise, apply) {
    const field = byId(`setting-${name}`);
    field.value = stored(name, otherwise);
    apply(field.value);
    field.addEventListener("change", () => {
      kept.set(name, field.value);
      apply(field.value);
      this.changed();
    });
  }

  open() {
    const { nick, account, server } = this.store;
    setText(byId("settings-self"), account ? `You are ${nick}, signed in.` : `You are ${nick || "nobody yet"}, a guest.`);
    byId("sign-out").hidden = !account;
    setText(byId("settings-server"), server.name);
    this.showPossible();
    openDialog(byId("settings"));
  }

  showPossible() {
    const missing = !isSecureContext ? "Notifications need HTTPS, or a server on this computer (localhost)."
      : !("Notification" in window) ? "This browser has no notifications."
        : Notification.permission === "denied" ? "This browser does not let this page show notifications." : "";
    setText(byId("notify-why"), missing);
    byId("notify-why").hidden = !missing;
    byId("notify-mention").disabled = Boolean(missing);
  }

  /** @param {HTMLInputElement} box */
  async askPermission(box) {
    if (box.checked) {
      const answer = await Notification.requestPermission();
      box.checked = answer === "granted";
    }
    kept.set("notify-mention", box.checked ? "on" : "off");
    this.showPossible();
  }

  get notifiesMentions() {
    return byId("notify-mention").checked;
  }

  /** Which lines of a room are announced: mentions, all, none. @param {Conversation} room */
  levelOf(room) {
    return stored(`notify ${room.key}`, "mentions");
  }

  /** @param {Conversation} room @param {string} level */
  setLevel(room, level) {
    kept.set(`notify ${room.key}`, level);
  }

  get showsPresence() {
    return byId("setting-presence").value === "shown";
  }
}
