// @ts-check
/** Signing in: as a guest, by account or token. Also asks for later passwords. */
import { kept, keptHere } from "../core/storage.js";
import { byId, openDialog, setText } from "./dom.js";

/** The key of a guest's stored name. */
const NICK = "nick";

export class SignIn {
  /**
   * @param {import("../core/session.js").Session} session
   * @param {import("../core/store.js").Store} store
   */
  constructor(session, store) {
    this.session = session;
    this.store = store;
    this.dialog = byId("sign-in");
    this.why = byId("sign-in-why");
    this.possible = true;
    byId("sign-in-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.submit();
    });
    for (const choice of document.querySelectorAll("input[name=way]")) choice.addEventListener("change", () => this.choose());
    // Without a name nothing is possible.
    this.dialog.addEventListener("cancel", (/** @type {Event} */ event) => {
      if (!session.inside) event.preventDefault();
    });
    byId("sign-out").addEventListener("click", () => void this.signOut());
    store.listen(({ what }) => { if (what === "self" && session.inside) this.remember(); });
  }

  static get rememberedNick() {
    return kept.get(NICK) ?? "";
  }

  /** @param {string} why @param {string} [way] @param {string} [name] of the account */
  async open(why, way = "guest", name = "") {
    this.refused(why);
    byId("guest-nick").value ||= SignIn.rememberedNick;
    byId("account").value ||= name;
    byId("sign-in-close").hidden = !this.session.inside;
    openDialog(this.dialog);
    this.choose(way);
    await this.askWhetherPossible();
  }

  async askWhetherPossible() {
    let why = "";
    try {
      const answer = await (await fetch("session", { headers: { Accept: "application/json" } })).json();
      if (answer.signIn !== true) why = answer.signIn || "Only guests can come in here.";
    } catch {
      // The sign-in itself shows the error.
    }
    this.possible = !why;
    setText(byId("sign-in-impossible"), why);
    byId("sign-in-impossible").hidden = !why;
    for (const way of ["account", "token"]) byId(`way-${way}`).disabled = Boolean(why);
    if (why) this.choose("guest");
  }

  /** @param {string} [way] */
  choose(way) {
    if (way) byId(`way-${way}`).checked = true;
    const chosen = this.way;
    for (const one of ["guest", "account", "token"]) {
      const part = byId(`part-${one}`);
      part.hidden = one !== chosen;
      for (const field of part.querySelectorAll("input")) field.required = one === chosen;
    }
    if (this.dialog.open) byId(`part-${chosen}`).querySelector("input")?.focus();
  }

  get way() {
    return /** @type {HTMLInputElement} */ (document.querySelector("input[name=way]:checked")).value;
  }

  /** @param {string} why */
  refused(why) {
    setText(this.why, why);
    this.why.hidden = !why;
  }

  async submit() {
    this.refused("");
    const button = byId("sign-in-button");
    button.disabled = true;
    try {
      if (this.way === "guest") this.enterAsGuest();
      else {
        const token = this.way === "token" ? byId("token").value.trim() : "";
        // A token has its account.
        await this.signIn(token ? { account: "", token }
          : { account: byId("account").value.trim(), password: byId("password").value });
      }
    } finally {
      button.disabled = false;
    }
  }

  enterAsGuest() {
    const nick = byId("guest-nick").value.trim();
    const { session, store } = this;
    session.guestNick = nick;
    kept.set(NICK, nick);
    if (session.inside && !store.account) {
      // Already in: only the name changes.
      session.command(null, `/nick ${nick}`).then(() => this.close(), (error) => this.refused(error.message));
    } else if (session.inside) {
      void this.signOut().then(() => this.close());
    } else if (session.connection.state === "open") {
      session.enter();
    } else {
      session.connection.wake();
    }
  }

  /** @param {Record<string, string>} credentials */
  async signIn(credentials) {
    const refusal = await this.post(credentials);
    if (refusal) {
      if (this.dialog.open) this.refused(refusal);
      else await this.open(refusal, "account", credentials.account);
      return;
    }
    byId("password").value = byId("token").value = "";
    if (this.store.account) this.forget();
    else this.session.restart();
  }

  /** Stay signed in over a reload, as the new user. @param {string} account @param {string} password */
  keep(account, password) {
    return this.post({ account, password });
  }

  /** @param {Record<string, string>} body @returns {Promise<string>} the error; empty: done */
  async post(body) {
    try {
      const response = await fetch("session", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      if (response.ok) return "";
      return (await response.json()).error?.text ?? `refused (${response.status})`;
    } catch {
      return "The server does not answer.";
    }
  }

  async signOut() {
    try {
      await fetch("session", { method: "DELETE", headers: { "Content-Type": "application/json" } });
    } catch {
      // Without a connection the cookie stays, and signs in again.
    }
    byId("settings").close();
    this.forget();
  }

  /** Load the page anew: what this account has read and typed is not for the next one. */
  forget() {
    // Or the new page would go on with the old session, and the field be kept as a draft.
    this.session.token = byId("text").value = "";
    keptHere.clear();
    location.reload();
  }

  /** Signed in. */
  close() {
    this.remember();
    this.dialog.close();
  }

  /** A guest comes back with the present name. */
  remember() {
    const { session, store } = this;
    if (store.account || !store.nick) return;
    session.guestNick = store.nick;
    kept.set(NICK, store.nick);
  }

  /**
   * Ask for a secret that a command needs.
   * @param {string} text purpose @param {(secret: string | null) => void} answer null: cancelled
   */
  askSecret(text, answer) {
    const dialog = byId("secret-dialog");
    const field = byId("secret");
    setText(byId("secret-label"), text);
    field.value = "";
    /** @type {string | null} */
    let secret = null;
    byId("secret-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      secret = field.value;
      dialog.close();
    };
    // Answered only here: the event comes after the closing, and would cancel the next
    // question.
    dialog.onclose = () => {
      field.value = "";
      answer(secret);
    };
    openDialog(dialog);
    field.focus();
  }
}
