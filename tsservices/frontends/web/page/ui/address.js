// @ts-check
/** The address of the page: after the # it names a room or talk, and a line there. */
import { roomKey, talkKey } from "../core/conversation.js";

/** @typedef {import("../core/conversation.js").Conversation} Conversation */

/** @returns {{room: string, talk: string, seq: number}} the place in the page's address */
export function fromAddress() {
  const [first = "", seq = ""] = location.hash.slice(1).split("/");
  let name = "";
  try {
    name = decodeURIComponent(first);
  } catch {
    // An incomplete escape.
  }
  return { room: name.startsWith("@") ? "" : name, talk: name.startsWith("@") ? name.slice(1) : "", seq: /^\d{1,15}$/.test(seq) ? Number(seq) : 0 };
}

/** @param {Conversation} conversation @param {number} [seq] */
export function addressOf(conversation, seq = 0) {
  const name = conversation.isRoom ? conversation.name : `@${conversation.name}`;
  return `#${encodeURIComponent(name).replaceAll("%40", "@")}${seq ? `/${seq}` : ""}`;
}

/** @param {Conversation} conversation @param {number} [seq] */
export function setAddress(conversation, seq = 0) {
  const address = addressOf(conversation, seq);
  // Without a place it has just been loaded: going back has to leave the page.
  if (!location.hash) history.replaceState(null, "", address);
  else if (location.hash !== address) history.pushState(null, "", address);
}

/** Whether the page's address names it. @param {Conversation} conversation */
export function addressNames(conversation) {
  const { room, talk } = fromAddress();
  return conversation.key === (talk ? talkKey(talk) : roomKey(room));
}
