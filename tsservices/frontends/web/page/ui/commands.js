// @ts-check
/** What is done with a typed text: it is said, or it is a command of the server or of the page. */
import { byId, element, openDialog } from "./dom.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */

export class Commands {
  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("../core/session.js").Session} session
   * @param {import("./signin.js").SignIn} signIn
   * @param {import("./composer.js").Composer} composer
   * @param {import("./pane.js").Pane} pane
   * @param {import("./navigation.js").Navigation} navigation
   * @param {import("./search.js").Search} search
   */
  constructor(store, session, signIn, composer, pane, navigation, search) {
    this.store = store;
    this.session = session;
    this.signIn = signIn;
    this.composer = composer;
    this.pane = pane;
    this.navigation = navigation;
    this.search = search;
  }

  /** @param {Conversation} conversation @param {string} text */
  say(conversation, text) {
    this.session.outbox.say(conversation, text);
    this.pane.toEnd();
    this.pane.readBefore = null;
  }

  /** Commands that the page handles itself. @type {Record<string, (argument: string) => boolean>} */
  own = {
    help: (argument) => !argument && (this.showHelp(), true),
    login: (argument) => {
      const [name = "", secret = ""] = argument.split(/\s+([^]*)/);
      // Only a sign-in by the page itself is kept over a reload.
      if (secret) void this.signIn.signIn({ account: name, password: secret });
      else if (/^tst_/.test(name)) void this.signIn.signIn({ account: "", token: name });
      else void this.signIn.open("", "account", name);
      return true;
    },
    register: (argument) => {
      const register = (/** @type {string} */ password) => void this.session.command(this.store.shown, `/register ${password}`)
        .then(() => {
          this.navigation.keepRooms();
          return this.signIn.keep(this.store.nick, password);
        }, () => {});
      if (argument) register(argument);
      else {
        this.signIn.askSecret("New password, 8 characters or more", (password) => {
          if (password) this.signIn.askSecret("The same again", (again) => {
            if (password === again) register(password);
            else if (this.store.shown) this.store.note(this.store.shown, "error", "these were two different passwords; nothing is done");
          });
        });
      }
      return true;
    },
    logout: () => (void this.signIn.signOut(), true),
    join: (argument) => !/^#?\S+$/.test(argument) ? false : (void this.navigation.join(argument.replace(/^#/, "")), true),
    search: (argument) => {
      byId("search-text").value = argument;
      this.search.open();
      void this.search.begin();
      return true;
    },
    quit: (argument) => {
      // The server closes the connection; the page must not reconnect.
      void this.session.command(null, `/quit ${argument}`.trim()).catch(() => {});
      this.session.end("You have left.");
      return true;
    },
  };

  /** @param {Conversation} conversation @param {string} line */
  run(conversation, line) {
    const [, name = "", argument = ""] = /^\/(\S*)\s*([^]*)$/.exec(line) ?? [];
    const own = Object.hasOwn(this.own, name.toLowerCase()) ? this.own[name.toLowerCase()] : undefined;
    if (own?.(argument)) return;
    const [verb, nick, text] = [name.toLowerCase(), ...(/^(\S+)\s+([^]+)$/.exec(argument)?.slice(1) ?? ["", ""])];
    if (verb === "msg" && nick && !nick.startsWith("#")) {
      this.navigation.open(this.store.talk(nick));
      this.session.outbox.say(this.store.talk(nick), text);
      return;
    }
    if (verb === "me" && !conversation.isRoom) {
      this.session.outbox.say(conversation, `* ${argument}`);
      return;
    }
    this.pane.toEnd();
    this.session.command(conversation, line).then(() => this.navigation.keepRooms(), (error) => {
      // A refusal by the server is shown like its other answers.
      if (error.code !== "lost") return;
      this.store.note(conversation, "error", `${error.message}: not done`);
      if (!this.composer.field.value) this.composer.insert(line);
    });
  }

  showHelp() {
    const rows = this.store.server.commands.map((/** @type {any} */ one) =>
      element("tr", {}, element("th", { scope: "row", text: `/${one.name} ${one.usage}` }), element("td", { text: one.meaning })));
    byId("help-commands").replaceChildren(...rows);
    openDialog(byId("help"));
  }
}
