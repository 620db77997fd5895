"""
The model of the full screen, without a terminal: windows, typed lines, and the effects of keys
and commands.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from tsservices.chat.errors import ChatError
from tsservices.chat.names import nameKey
from tsservices.client.chat.commands import SIGN
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.state import ClientState
from tsservices.client.chat.text_view import searchWords
from tsservices.client.chat.ui.choosing import ChoosingScreen
from tsservices.client.chat.ui.draft import Typed
from tsservices.client.chat.ui.files.history import keepable
from tsservices.client.chat.ui.files.saved_windows import SavedWindows
from tsservices.client.chat.ui.files.settings import ScreenSettings
from tsservices.client.chat.ui.keys import keysHelp
from tsservices.client.chat.ui.lines import ShownLine
from tsservices.client.chat.ui.placing import privateLine, refusal, secretDue
from tsservices.client.chat.ui.screen_state import ScreenState
from tsservices.client.chat.ui.scrolling import ScrollableScreen
from tsservices.client.chat.ui.typing import (
    SCREEN_COMMANDS,
    SYNONYMS,
    asTyped,
    expandAlias,
)
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind
from tsservices.client.chat.ui.windows.window_view import WindowView
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.storage.words import searchable

#: The number of lines that C{/lastlog} shows.
LASTLOG_LINES = 100

#: Takes a typed line and the name of its window.
Enter = Callable[[str, str], None]


class ScreenModel(ChoosingScreen):
    """The model of the full screen: handles typed lines, commands of the screen, and keys."""

    def __init__(
        self, settings: ScreenSettings, times: LocalTime, now: Callable[[], float]
    ) -> None:
        super().__init__(settings, times, now)
        self._enter: Enter | None = None
        self._early: list[tuple[str, str]] = []
        self._keys: dict[str, str] = {}
        self._history: Mapping[str, Sequence[str]] = {}
        self.windows.changed = self._windowsChange
        self.windows.opened = self._recallable

    def open(self, saved: SavedWindows, rooms: Sequence[str]) -> list[str]:
        """
        Open the windows of the last run, and windows for more rooms.

        @return: the names of all rooms.
        """
        for kind, name in saved.windows:
            self.windows.open(kind, name)
        opened = [self.windows.open(WindowKind.ROOM, name) for name in rooms]
        self._keys = saved.keys
        current = self.windows.find(saved.current) if saved.current and not rooms else None
        fallback = next(iter(opened), self.windows.windows[-1])
        self.windows.show(current or fallback)
        return [window.name for window in self.windows if window.kind is WindowKind.ROOM]

    def loadHistory(self, texts: Mapping[str, Sequence[str]]) -> None:
        """
        Load the lines typed in earlier runs, to be recalled.

        @param texts: the lines by the name of the window.
        """
        self._history = texts
        for window in self.windows:
            self._recallable(window)

    def _recallable(self, window: ChatWindow) -> None:
        for text in self._history.get(window.ident, ()):
            window.draft.remember(text)

    def _windowsChange(self) -> None:
        self.windowsChanged = True

    def keyOf(self, name: str) -> str:
        """Return the key of a room in the last run; empty: it had none."""
        return self._keys.get(name, "")

    def saved(self) -> SavedWindows:
        """Return the windows and keys to save for the next run."""
        windows: list[tuple[WindowKind, str]] = [
            (window.kind, window.name)
            for window in self.windows
            if window.kind is not WindowKind.STATUS
        ]
        keys = dict(self._keys)
        for room in self.machine.state.rooms.values() if self.machine is not None else ():
            if room.modes is not None:
                keys.pop(room.name, None)
                if room.modes.joinKey:
                    keys[room.name] = room.modes.joinKey
        names = {name for _, name in windows}
        kept = {name: key for name, key in keys.items() if name in names}
        return SavedWindows(windows, self.windows.current.ident, kept)

    def openView(self, state: ClientState) -> WindowView:
        """Make the view that shows events in the windows."""
        state.showsRanks = True
        state.ownCommands = SCREEN_COMMANDS
        state.commands = list(SCREEN_COMMANDS)
        self.view = WindowView(state, self.windows, self._times, self._now)
        self.view.highlights = list(self.settings.highlight)
        for problem in self.settings.problems:
            self.view.complain(problem)
        return self.view

    def attach(self, machine: ClientMachine, enter: Enter) -> None:
        """Connect the client, which takes the lines typed so far and later ones."""
        self.machine = machine
        self._enter = enter
        assert self.view is not None
        self.view.sender = machine.sender
        self.view.ready = lambda: machine.phase is Phase.READY
        early, self._early = self._early, []
        for line, ident in early:
            window = self.windows.find(ident)
            if window is not None:
                self._take(window, line)

    def changed(self) -> None:
        """Make the room of the current window the client's current room, after a change."""
        machine = self.machine
        if machine is None:
            return
        state, window = machine.state, self.windows.current
        key = window.key if window.kind is WindowKind.ROOM and window.key in state.rooms else ""
        if machine.phase is Phase.READY and state.current != key:
            state.selectRoom(key)
        if machine.phase is Phase.NAMELESS and not window.draft.typed.text:
            # A name can be typed in the status window.
            self.windows.show(self.windows.status)
        for other in self.windows:
            if other.kind is WindowKind.ROOM and machine.phase is Phase.READY:
                other.joined = other.key in state.rooms
        self._takeOlder(machine)

    def used(self) -> None:
        """Note that the user has pressed a key."""
        now = self._now()
        self.windows.used(now)
        if self.machine is not None and self.windows.current.view.position is None:
            self.machine.active(now)

    # Typed lines.

    def submit(self, text: str, pasted: bool = False) -> bool:
        """
        Take a typed text.

        @param pasted: whether any of the text was pasted.
        @return: whether the text is accepted; if not, it must stay in the input line.
        """
        window = self.windows.current
        typed = [self._meant(line, pasted) for line in text.split("\n") if line.strip()]
        # An alias may stand for several lines.
        lines = [line for meant in typed for line in re.split("[\r\n]", meant) if line.strip()]
        for line in lines:
            why = refusal(window, line, self.machine, self.asking)
            if not why and _command(line)[0] not in self._COMMANDS:
                why = secretDue(self.machine)
            if why:
                self._inform(window, f"! {why}")
                return False
        if all(keepable(line) for line in text.split("\n") if line.strip()):
            window.draft.remember(text)
            self.remembered(window.ident, text)
        window.draft.sent()
        window.view.follow()
        for line in lines:
            self._take(window, line)
        return True

    def discard(self, text: str) -> None:
        """Drop a typed text without sending it; it can be recalled."""
        if all(keepable(line) for line in text.split("\n") if line.strip()):
            self.windows.current.draft.remember(text)

    def unsent(self) -> list[str]:
        """List the unsent lines, to be printed after the screen is closed."""
        lines = list(self.view.farewell) if self.view is not None else []
        for window in self.windows:
            for line in window.draft.typed.text.split("\n"):
                if keepable(line):
                    lines.append(f"! not sent to {window.title}: {line}")
        return lines

    def _meant(self, line: str, pasted: bool) -> str:
        line = asTyped(line, pasted)
        if line.startswith(2 * SIGN) or not line.startswith(SIGN):
            return line
        line = expandAlias(line, self.settings.aliases)
        word, space, argument = line[1:].partition(" ")
        known = self.machine.state.commands if self.machine is not None else SCREEN_COMMANDS
        name = word.lower()
        if name in SYNONYMS and not any(command.name == name for command in known):
            line = f"{SIGN}{SYNONYMS[name]}{space}{argument}"
        return line

    def _take(self, window: ChatWindow, line: str) -> None:
        word, argument = _command(line)
        own = self._COMMANDS.get(word)
        if own is not None:
            own(self, argument.strip())
        elif word == "join" and self._isIn(argument):
            self.windows.show(self.windows.open(WindowKind.ROOM, argument.split()[0].lstrip("#")))
        elif word == "help" and _ownHelp(argument):
            self._inform(window, f"* {_ownHelp(argument)}")
        elif self._enter is None:
            self._early.append((line, window.ident))
        else:
            if word == "search" and argument.strip() and self.view is not None:
                self.view.searched = searchWords(argument)
            if window.kind is WindowKind.PRIVATE and not word:
                line = privateLine(window.name, line)
            self._enter(line, window.ident)

    def _isIn(self, argument: str) -> bool:
        name = "".join(argument.split()[:1])
        window = self.windows.byName(f"#{name.lstrip('#')}") if name else None
        return window is not None and window.joined

    # Commands of the screen.

    def _query(self, argument: str) -> None:
        name, _, text = argument.partition(" ")
        window = self.windows.current
        if not name:
            self._inform(window, "! /query NAME [TEXT]")
            return
        try:
            nameKey(name)
        except ChatError as error:
            self._inform(window, f"! {error}")
            return
        private = self.windows.open(WindowKind.PRIVATE, name)
        self.windows.show(private)
        self.refill(private)
        if text.strip():
            self._take(private, text.strip())

    def _window(self, argument: str) -> None:
        windows, current = self.windows, self.windows.current
        action = {
            "next": "next-window",
            "prev": "previous-window",
            "previous": "previous-window",
            "last": "last-window",
            "close": "close",
        }.get(argument)
        name = argument.removeprefix("goto ").strip()
        if action == "close":
            self._close("")
        elif action is not None:
            self.do(action)
        elif not name or name == "list":
            for window in windows:
                count = len(window.unread)
                news = f", {count} unread" if count else ""
                absent = "" if window.joined else ", you are not in it"
                number = windows.number(window)
                self._inform(current, f"* {number}: {window.title}{news}{absent}")
        else:
            number = int(name) if name.isascii() and name.isdigit() and len(name) < 6 else 0
            found = windows.byNumber(number) if number else windows.byName(name)
            if found is None:
                self._inform(current, f"! there is no window {name}")
            else:
                self.showWindow(found)

    def _close(self, argument: str) -> None:
        window = self.windows.current
        if window.kind is WindowKind.STATUS:
            self._inform(window, "! this window stays")
        elif window.kind is WindowKind.ROOM and window.joined and self._enter is not None:
            self._enter(f"/part {window.name}", window.ident)
        else:
            self.windows.close(window)

    def _lastlog(self, argument: str) -> None:
        window = self.windows.current
        if not argument:
            self._inform(window, "! /lastlog WORDS")
            return
        key, folded = searchable(argument), argument.casefold()
        found = [
            line
            for line in window.lines
            if line.text
            and line.original is None
            and (folded in line.text.casefold() or (key and key in searchable(line.text)))
        ]
        shown = found[-LASTLOG_LINES:]
        self._inform(window, f"--- {len(found)} with {argument!r}: Alt-l, Enter goes to one ---")
        for line in shown:
            spans = [("time", "| "), *line.spans]
            copy = ShownLine(
                line.seconds, spans, 2 + line.indent, text=line.text, nick=line.nick, original=line
            )
            copy.wordless = line.wordless
            self.windows.add(window, copy, self._now())

    def _toggleNames(self, argument: str = "") -> None:
        self.showNames = not self.showNames

    def _toggleMouse(self, argument: str = "") -> None:
        self.mouse = not self.mouse
        state = "is for the screen: the wheel scrolls" if self.mouse else "is for the terminal"
        self._inform(self.windows.current, f"* the mouse {state}")

    def _clear(self, argument: str) -> None:
        window = self.windows.current
        window.lines.clear()
        window.chosen = None
        window.view.follow()
        window.linesRemoved()

    def _highlight(self, argument: str) -> None:
        view = self.view
        if view is None:
            return
        if argument.startswith("-"):
            view.highlights = [
                known for known in view.highlights if known.casefold() != argument[1:].casefold()
            ]
        elif argument and argument not in view.highlights:
            view.highlights.append(argument)
        shown = ", ".join(view.highlights) or "nothing but your name"
        self._inform(self.windows.current, f"* you are called by: {shown}")

    def _keysHelp(self, argument: str) -> None:
        for line in keysHelp(self.settings.keys):
            self._inform(self.windows.current, f"*   {line}")

    # Actions of keys.

    def do(self, action: str) -> None:
        """Perform the action of a key: a named action or a command."""
        if action.startswith(SIGN):
            self.submit(action)
            return
        perform = self._ACTIONS.get(action)
        if perform is None:
            self._inform(self.windows.current, f"! there is no action {action}")
        else:
            perform(self)

    def recall(self, by: int, typed: Typed) -> Typed | None:
        """Return the previous or next typed text; L{None}: there is none."""
        text = self.windows.current.draft.recall(by, typed.text)
        return None if text is None else Typed(text, len(text))

    #: The handlers of the screen's commands.
    _COMMANDS: ClassVar[Mapping[str, Callable[[ScreenModel, str], None]]] = {
        "query": _query,
        "window": _window,
        "close": _close,
        "lastlog": _lastlog,
        "names": _toggleNames,
        "lines": lambda model, argument: model.beginChoosing(),
        "clear": _clear,
        "highlight": _highlight,
        "mouse": _toggleMouse,
        "keys": _keysHelp,
    }

    #: The actions of keys, by name.
    _ACTIONS: ClassVar[Mapping[str, Callable[[ScreenModel], None]]] = {
        "next-active": ScreenState.nextActive,
        "next-window": lambda model: model.step(1),
        "previous-window": lambda model: model.step(-1),
        "last-window": lambda model: model.windows.back(),
        "page-up": lambda model: model.page(1),
        "page-down": lambda model: model.page(-1),
        "scroll-top": ScrollableScreen.toTop,
        "scroll-bottom": lambda model: model.windows.current.view.follow(),
        "choose-line": ChoosingScreen.beginChoosing,
        "toggle-names": _toggleNames,
        "toggle-mouse": _toggleMouse,
    }


def _command(line: str) -> tuple[str, str]:
    """Split a line into a command in lower case and its argument; without a command it is empty."""
    if not line.startswith(SIGN) or line.startswith(2 * SIGN):
        return "", line
    word, _, argument = line[1:].partition(" ")
    return word.lower(), argument


def _ownHelp(argument: str) -> str:
    name = argument.strip().removeprefix(SIGN).lower()
    name = SYNONYMS.get(name, name)
    own = next((command for command in SCREEN_COMMANDS if command.name == name), None)
    return "" if own is None else f"{SIGN}{own.name} {own.usage}".rstrip() + f": {own.meaning}"
