// @ts-check
/** One line of a conversation as elements. */
import { actionText, TALK } from "../core/sentences.js";
import { fold, hueOf, pieces } from "../core/text.js";
import { clockText, dayText, differentDays, fullText, isoText } from "../core/times.js";
import { element, name } from "./dom.js";

/** @typedef {import("../core/history.js").Line} Line */

/** Nanoseconds after which a nick is shown again. */
const GROUP_TIME = 10 * 60e9;

/** The texts for a line that is being sent. */
const STATES = /** @type {Record<string, string>} */ ({
  sending: "sending…",
  waiting: "waits for the connection",
  unknown: "waits for the connection",
  perhaps: "perhaps not sent",
  refused: "not sent",
});

/** @param {Line} line @param {Line | undefined} previous */
const beginsDay = (line, previous) => !previous || differentDays(line.time, previous.time);

/** Whether a nick need not be shown again. @param {Line} line @param {Line | undefined} previous */
const continues = (line, previous) => previous !== undefined && line.kind === "message"
  && previous.kind === "message" && fold(previous.nick) === fold(line.nick)
  && Math.abs(line.time - previous.time) < GROUP_TIME && !beginsDay(line, previous);

/**
 * The other things that a line's look depends on.
 * @param {Line} line @param {Line | undefined} previous @param {boolean} unreadAbove
 */
export function stateOf(line, previous, unreadAbove) {
  return `${line.kind}${line.state ?? ""}${line.text.length}${beginsDay(line, previous) ? "d" : ""}`
    + `${continues(line, previous) ? "c" : ""}${unreadAbove ? "u" : ""}`;
}

/** @param {string} nick */
export function nickElement(nick) {
  const shown = name(nick, "nick");
  shown.style.setProperty("--hue", String(hueOf(nick)));
  return shown;
}

/** @param {string} text @returns {Node[]} */
export function textNodes(text) {
  return pieces(text).flatMap((piece) => {
    switch (piece.kind) {
      case "link":
        return [
          element("a", {
            href: piece.href, target: "_blank", rel: "noopener noreferrer", title: piece.href,
          }, name(piece.text)),
          ...(piece.host ? [element("span", { class: "hidden-character", title: "where the link leads", text: piece.host })] : []),
        ];
      case "room":
        return element("a", {
          class: "room-link", href: `#${encodeURIComponent(piece.room)}${piece.seq ? `/${piece.seq}` : ""}`,
        }, name(piece.text));
      case "hidden":
        return element("span", { class: "hidden-character", title: "a character that is not seen", text: piece.text });
      default:
        return document.createTextNode(piece.text);
    }
  });
}

/** @param {Line} line */
function timeElement(line) {
  // Not a title: it appears late, and not by keys or touch.
  const full = `${fullText(line.time)}${line.seq ? `, number ${line.seq}` : ""}`;
  return element("time", { class: "time", datetime: isoText(line.time), "data-full": full, text: clockText(line.time) });
}

/** @param {Line} line @returns {HTMLElement[]} */
function talk(line) {
  const text = element("span", { class: "text", dir: "auto" });
  text.append(...textNodes(line.text));
  if (line.kind === "me") {
    const whole = element("span", { class: "text", dir: "auto" }, nickElement(line.nick), " ", ...textNodes(line.text));
    return [element("span", { class: "who", "aria-hidden": "true", text: "*" }), whole];
  }
  const sign = line.kind === "notice" ? "-" : "";
  return [element("span", { class: "who" }, sign, nickElement(line.nick), sign, element("span", { class: "unseen", text: ":" })), text];
}

/**
 * @param {Line} line @param {Line | undefined} previous
 * @param {boolean} unreadAbove whether it is the first unread one
 */
export function drawLine(line, previous, unreadAbove) {
  const spoken = TALK.has(line.kind);
  const classes = ["line", spoken ? "talk" : "event", `kind-${/^[a-z]+$/.test(line.kind) ? line.kind : "other"}`];
  if (continues(line, previous)) classes.push("continued");
  if (line.mention) classes.push("mention");
  if (line.own) classes.push("own");
  if (line.state) classes.push("unsent");
  const shown = element("div", { class: classes.join(" "), tabindex: "-1" }, timeElement(line));
  if (spoken) {
    shown.append(...talk(line));
  } else {
    const text = element("span", { class: "text", dir: "auto" });
    text.append(...textNodes(actionText(line)));
    if (line.kind === "presence") text.textContent = line.text;
    shown.append(element("span", { class: "who", "aria-hidden": "true", text: line.kind === "error" ? "!" : "·" }), text);
  }
  if (line.state) {
    const buttons = line.state === "perhaps"
      ? [element("button", { class: "quiet", "data-do": "again", text: "Send again" }),
        element("button", { class: "quiet", "data-do": "withdraw", text: "Discard" })]
      : line.state === "refused" ? [element("button", { class: "quiet", "data-do": "withdraw", text: "Edit" })] : [];
    shown.append(element("span", { class: "state" }, STATES[line.state] ?? line.state, ...buttons));
  }
  if (line.seq || spoken) {
    shown.append(element("button", {
      class: "more", tabindex: "-1", "data-do": "menu", "aria-haspopup": "menu", title: "What can be done with this line",
      "aria-label": "What can be done with this line", text: "⋯",
    }));
  }
  const row = element("div", { class: "row" });
  if (beginsDay(line, previous)) row.append(element("div", { class: "day" }, element("span", { text: dayText(line.time) })));
  if (unreadAbove) row.append(element("div", { class: "unread-line" }, element("span", { text: "new" })));
  row.append(shown);
  return row;
}

/** @param {Line} line @param {number} width pixels */
export function guessHeight(line, width) {
  // Measured at the default size: a row is 21 pixels, a character about 7.4 wide.
  const characters = Math.max(20, (width < 560 ? width - 70 : width - 210) / 7.4);
  return 21 * Math.max(1, Math.ceil((line.text.length + 1) / characters));
}
