// @ts-check
/** The page: connects its parts, and handles keys. */
import { Session } from "./core/session.js";
import { kept, keptHere } from "./core/storage.js";
import { Store } from "./core/store.js";
import { setAddress } from "./ui/address.js";
import { Commands } from "./ui/commands.js";
import { Composer } from "./ui/composer.js";
import { announce, byId, setText, watchDialogs } from "./ui/dom.js";
import { closeMenu, watchMenu } from "./ui/menu.js";
import { Menus } from "./ui/menus.js";
import { Navigation } from "./ui/navigation.js";
import { Notifier } from "./ui/notify.js";
import { Pane } from "./ui/pane.js";
import { People } from "./ui/people.js";
import { Search } from "./ui/search.js";
import { Settings } from "./ui/settings.js";
import { narrow, showSide, Sidebar } from "./ui/sidebar.js";
import { SignIn } from "./ui/signin.js";
import { StatusPanel } from "./ui/status.js";

/** Milliseconds that "nothing missed" stays on the screen. */
const BANNER_TIME = 6000;

const store = new Store();

const world = {
  open: () => {
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    return new WebSocket(url);
  },
  now: () => Date.now(),
  random: Math.random,
  after: (/** @type {() => void} */ run, /** @type {number} */ after) => setTimeout(run, after),
  cancel: (/** @type {any} */ timer) => clearTimeout(timer),
};

const session = new Session(store, world, {
  status: showStatus,
  nameNeeded: (why, code) => void signIn.open(why, code === "nick-registered" ? "account" : "guest", session.guestNick),
  secretNeeded: (text, answer) => signIn.askSecret(text, answer),
  entered: () => {
    signIn.close();
    navigation.entered();
  },
  otherUser: () => signIn.forget(),
  ended: (why) => showStatus("ended", why),
});

const signIn = new SignIn(session, store);
const settings = new Settings(store, () => pane.list.resized());
const composer = new Composer(store, {
  say: (conversation, text) => commands.say(conversation, text),
  command: (conversation, line) => commands.run(conversation, line),
});
const menus = new Menus(store, session, settings, composer, {
  open: (one) => navigation.open(one),
  command: (conversation, line) => commands.run(conversation, line),
  leave: (room) => navigation.leave(room),
  drop: (one) => navigation.drop(one),
});
const pane = new Pane(store, session, (line, from) => menus.ofLine(line, from), (text) => composer.insert(text.replace(/^\//, "//")));
const navigation = new Navigation(store, session, pane, composer);
const sidebar = new Sidebar(store, session, (one) => navigation.open(one), (room) => void navigation.join(room));
const people = new People(store, session, (nick, from) => menus.ofPerson(nick, from));
const search = new Search(store, session, (room, seq) => {
  if (narrow.matches) search.close();
  const target = store.room(room);
  navigation.open(target);
  void pane.jump(seq);
  setAddress(target, seq);
});
const commands = new Commands(store, session, signIn, composer, pane, navigation, search);
new Notifier(store, settings, (conversation, seq) => {
  navigation.open(conversation);
  if (seq) void pane.jump(seq);
});
new StatusPanel(session);

let bannerTimer = 0;

/** @param {string} state @param {string} text */
function showStatus(state, text) {
  clearTimeout(bannerTimer);
  const banner = byId("banner");
  document.documentElement.dataset.connection = state;
  setText(byId("banner-text"), text);
  banner.hidden = !text;
  byId("retry").hidden = state !== "waiting" && state !== "ended";
  setText(byId("retry"), state === "ended" ? "Go on here" : "Try now");
  if (state === "back" || state === "ended") announce(text, state === "ended");
  if (state === "back") bannerTimer = window.setTimeout(() => { banner.hidden = true; }, BANNER_TIME);
  composer.update();
}

/** @param {boolean} [shown] @param {boolean} [keep] whether to remember it */
function showPeople(shown = !people.wanted, keep = false) {
  people.wanted = shown;
  if (keep) kept.set("people", shown ? "shown" : "hidden");
  people.draw();
}

// ---- keys

/** @param {KeyboardEvent} event @returns {boolean} whether the page handled it */
function shortcut(event) {
  const { key, altKey } = event;
  const control = event.ctrlKey || event.metaKey;
  if (control && !altKey && key.toLowerCase() === "k") void sidebar.choose();
  else if (control && !altKey && key.toLowerCase() === "f" && event.shiftKey) search.open();
  else if (altKey && !control && (key === "ArrowDown" || key === "ArrowUp")) {
    sidebar.step(key === "ArrowDown" ? 1 : -1, event.shiftKey);
  } else if (key === "F1") commands.showHelp();
  else return false;
  return true;
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  const target = /** @type {HTMLElement} */ (event.target);
  const inField = target.matches("input, textarea, select");
  if (shortcut(event)) {
    event.preventDefault();
  } else if (event.key === "Escape") {
    if (closeMenu(true)) return;
    if (document.body.classList.contains("side-open")) showSide(false);
    else if (!search.panel.hidden && search.panel.contains(target)) search.close();
    else if (target === composer.field) pane.toEnd();
    composer.focus();
  } else if (target === composer.field && event.key === "PageUp") {
    event.preventDefault();
    pane.view.focus();
    pane.view.scrollBy(0, -pane.list.height * 0.9);
  } else if (!inField && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ") {
    // Typing goes to the text field; "/" too, which begins a command.
    if (!target.closest("button, a")) composer.focus();
    else if (event.key === "/") composer.focus();
  }
}

function start() {
  watchDialogs();
  watchMenu();
  byId("side-button").addEventListener("click", () => showSide(!document.body.classList.contains("side-open")));
  byId("shade").addEventListener("click", () => showSide(false));
  byId("people-button").addEventListener("click", () => showPeople(undefined, !narrow.matches));
  byId("people-close").addEventListener("click", () => showPeople(false, !narrow.matches));
  byId("search-button").addEventListener("click", () => search.open());
  byId("room-button").addEventListener("click", () => menus.ofRoom(byId("room-button")));
  byId("help-button").addEventListener("click", () => commands.showHelp());
  byId("own").addEventListener("click", () => void signIn.open("", store.account ? "account" : "guest"));
  byId("rejoin").addEventListener("click", () => { if (store.shown) void navigation.join(store.shown.name).then(() => composer.update()); });
  byId("retry").addEventListener("click", () => (session.ended ? session.start() : session.connection.wake()));
  document.addEventListener("keydown", pressed);
  // A change after the # is one too; another event for it comes later.
  addEventListener("popstate", () => navigation.followAddress());
  addEventListener("online", () => session.connection.wake());
  addEventListener("offline", () => session.connection.wake());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) session.connection.wake();
    pane.moved();
  });
  // Kept only over a reload: a copy of this window must not take over.
  session.token = keptHere.get("resume") ?? "";
  keptHere.remove("resume");
  addEventListener("pagehide", () => { if (session.inside && session.token) keptHere.set("resume", session.token); });
  session.guestNick = SignIn.rememberedNick;
  store.listen(({ what }) => { if (what === "header" || what === "list") composer.update(); });
  narrow.addEventListener("change", () => {
    showPeople(!narrow.matches);
    showSide(false);
  });
  showPeople(!narrow.matches && kept.get("people") !== "hidden");
  session.start();
}

start();
