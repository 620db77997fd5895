"""The parts of the screen around the lines of a window: topic, members, status, prompt.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tsservices.chat.names import fold
from tsservices.client.chat.colours import Span
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.ranks import OPERATOR_SIGN, VOICE_SIGN
from tsservices.client.chat.state import ClientRoom
from tsservices.client.chat.text_view import nickSpan
from tsservices.client.chat.ui.rows import cut, padded, textWidth
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind, WindowList

#: The fewest columns of the terminal with which members are listed at the side.
SIDE_FROM = 80

#: The most columns of that list, including its border.
SIDE_COLUMNS = 20

#: The fewest rows of the terminal with which the topic is shown.
TOPIC_FROM = 6


class Frame(NamedTuple):
    """The layout of the screen."""

    #: Columns of the lines.
    width: int
    #: Rows of the lines.
    height: int
    hasTopic: bool
    #: Columns of the members at the side, including the border; 0: not shown.
    side: int


def frame(columns: int, rows: int, names: Sequence[str]) -> Frame:
    """
    Compute the layout of the area above the input line.

    @param names: the members to show at the side; if empty, no columns are reserved.
    """
    hasTopic = rows >= TOPIC_FROM
    height = max(1, rows - 1 - hasTopic)
    side = 0
    if names and columns >= SIDE_FROM:
        side = min(SIDE_COLUMNS, 2 + max(map(textWidth, names)))
    return Frame(max(1, columns - side), height, hasTopic, side)


def memberNames(room: ClientRoom | None) -> list[str]:
    """List the members of a room with the signs of their ranks, sorted by rank and name."""
    if room is None:
        return []
    members, sign = room.members, room.ranks.sign
    order = ["", VOICE_SIGN, OPERATOR_SIGN]
    keys = sorted(members, key=lambda key: (-order.index(sign(key)), key))
    return [sign(key) + members[key] for key in keys]


def sideRows(names: Sequence[str], width: int, height: int, ownNick: str) -> list[list[Span]]:
    """Draw the members at the side; if they do not fit, the last row counts the rest."""
    shown = list(names)
    more = 0
    if len(shown) > height:
        more = len(shown) - height + 1
        shown = shown[: height - 1]
    rows: list[list[Span]] = []
    for signed in shown:
        name = cut(signed, width - 1)
        nick = signed.lstrip(OPERATOR_SIGN + VOICE_SIGN)
        style = nickSpan(nick, fold(nick) == fold(ownNick))[0]
        blank = " " * (width - 1 - textWidth(name))
        rows.append([("bar", "│"), (style, name), ("", blank)])
    if more:
        rows.append([("bar", "│"), ("event", padded(f"+{more} more", width - 1))])
    rows += [[("bar", "│"), ("", " " * (width - 1))]] * (height - len(rows))
    return rows


def topicText(window: ChatWindow, topic: str, room: ClientRoom | None) -> str:
    """Return the text above the lines."""
    if window.kind is WindowKind.STATUS:
        return "status: what belongs to no room; /help and /keys tell what can be done"
    if window.kind is WindowKind.PRIVATE:
        return f"private messages with {window.name}"
    if room is None:
        return f"{window.title}: you are not in it; /join {window.name}, or /close"
    count = len(room.members)
    return f"{window.title} ({count}){f': {topic}' if topic else ''}"


def statusText(
    windows: WindowList, machine: ClientMachine | None, below: int, width: int
) -> list[Span]:
    """
    Draw the status line: the user, the window, the connection, and windows with unread lines.

    @param below: how many lines are below the visible ones.
    """
    current = windows.current
    name = phase = ""
    isFine = False
    extra: list[str] = []
    if machine is not None:
        state, outbox = machine.state, machine.sender.outbox
        isFine = machine.phase is Phase.READY
        phase = machine.phase.value
        if state.encrypted and machine.phase is not Phase.AWAY:
            phase = f"{phase}, TLS"
        if state.nick:
            name = f"{state.nick} ({state.account or 'guest'})"
        if outbox.lineCount and not isFine:
            extra.append(f"{outbox.lineCount} to send")
        if outbox.unsent:
            extra.append(f"{len(outbox.unsent)} not sent: /resend")
    else:
        phase = "starting"
    if below:
        extra.append(f"{below} below: PageDown")
    where = f"{windows.number(current)}:{current.title}"
    # Mentions first, because there may be no room for all.
    news = sorted(
        (_newsOf(windows, window) for window in windows.active()), key=lambda text: "!" not in text
    )
    # If there is no room for all, drop the least important parts.
    parts = [[name], [where], [phase], extra, news]
    for dropped in ([], [0], [0, 2] if isFine else [0]):
        kept = [part for at, part in enumerate(parts) if at not in dropped]
        words = [text for part in kept for text in part if text]
        if textWidth(" | ".join(words)) + 2 <= width:
            break
    spans: list[Span] = [("status", " ")]
    for number, text in enumerate(words):
        style = "status urgent" if text in news and "!" in text else "status"
        spans += [("status", " | " if number else ""), (style, text)]
    return spans


def _newsOf(windows: WindowList, window: ChatWindow) -> str:
    count = len(window.unread)
    urgent = window.mentions
    sign = f"({urgent}!)" if urgent and urgent != count else "!" if urgent else ""
    return f"{windows.number(window)}:{window.title} {count}{sign}"


def fitted(spans: Sequence[Span], width: int, style: str) -> list[Span]:
    """Cut or pad spans to a width."""
    taken, parts = 0, []
    for name, text in spans:
        shown = cut(text, width - taken)
        parts.append((name, shown))
        taken += textWidth(shown)
        if taken >= width:
            break
    return [*parts, (style, " " * (width - taken))]


def inputPrompt(window: ChatWindow, secret: str, width: int) -> str:
    """Return the prompt before the line being typed."""
    if secret:
        return cut(secret, max(1, width - 8))
    if width < 24:
        return "> "
    return f"{cut(window.title, width // 3)}> "
