"""The key bindings of the full screen, for prompt_toolkit."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from tsservices.client.chat.ui.keys import KEYS, parseKey
from tsservices.client.chat.ui.model import ScreenModel
from tsservices.client.chat.ui.toolkit import ignoreAccepting, isIndent, isPasted

#: Within these seconds after a line feed in a paste, another line feed belongs to the same paste.
PASTE_SECONDS = 0.1

#: Lines that PageUp and PageDown move while a line is chosen.
_CHOSEN_PAGE = 10


class KeyTarget(Protocol):
    """The part of the screen that the key bindings need."""

    model: ScreenModel
    quit: Callable[[], None]

    @property
    def secret(self) -> str: ...

    @property
    def line(self) -> Buffer: ...

    def changed(self) -> None: ...

    def enter(self) -> None: ...

    def clear(self) -> None: ...

    def paste(self, text: str) -> None: ...

    def pasteLine(self) -> None: ...

    def typeOver(self) -> None: ...

    def recall(self, by: int) -> None: ...

    def complete(self, by: int) -> None: ...

    def suspend(self) -> None: ...

    def drawAnew(self) -> None: ...


def screenBindings(screen: KeyTarget) -> KeyBindings:
    """Make all key bindings, including those of the user's settings."""
    bindings = KeyBindings()
    ignoreAccepting(bindings)
    _bindLine(screen, bindings)
    _bindActions(screen, bindings)
    _bindChoosing(screen, bindings)
    return bindings


def _bindLine(screen: KeyTarget, bindings: KeyBindings) -> None:
    add = bindings.add
    pastedAt = -1.0

    def isFirstRow() -> bool:
        return screen.line.document.on_first_line

    def isLastRow() -> bool:
        return screen.line.document.on_last_line

    recalled = Condition(lambda: screen.model.windows.current.draft.recalled)

    @add("enter")
    def enter(event: KeyPressEvent) -> None:
        nonlocal pastedAt
        now = time.monotonic()
        # Without bracketed paste, pasted lines arrive like typed ones, but all at once.
        if not screen.secret and (isPasted(event) or now < pastedAt + PASTE_SECONDS):
            pastedAt = now
            screen.pasteLine()
        else:
            screen.enter()

    @add("escape", "enter")
    def newLine(event: KeyPressEvent) -> None:
        if not screen.secret:
            screen.line.insert_text("\n")

    @add(Keys.BracketedPaste)
    def paste(event: KeyPressEvent) -> None:
        screen.paste(event.data)

    @add(Keys.Any, filter=recalled)
    def overwrite(event: KeyPressEvent) -> None:
        screen.typeOver()
        screen.line.insert_text(event.data)

    for key in ("end", "right", "c-e", "c-f"):

        @add(key, filter=recalled)
        def keep(event: KeyPressEvent) -> None:
            screen.model.windows.current.draft.recalled = False

    @add("up", filter=Condition(isFirstRow))
    def before(event: KeyPressEvent) -> None:
        screen.recall(-1)

    @add("down", filter=Condition(isLastRow))
    def after(event: KeyPressEvent) -> None:
        screen.recall(1)

    @add("tab")
    def complete(event: KeyPressEvent) -> None:
        if isIndent(event):
            screen.line.insert_text("\t")
        else:
            screen.complete(1)

    @add("s-tab")
    def completeBack(event: KeyPressEvent) -> None:
        screen.complete(-1)

    @add("c-c")
    def clear(event: KeyPressEvent) -> None:
        screen.clear()

    @add("c-d", filter=Condition(lambda: not screen.line.text))
    def leave(event: KeyPressEvent) -> None:
        screen.quit()

    @add("c-z")
    def suspend(event: KeyPressEvent) -> None:
        screen.suspend()

    @add("c-l")
    def redraw(event: KeyPressEvent) -> None:
        screen.drawAnew()


def _bindActions(screen: KeyTarget, bindings: KeyBindings) -> None:

    def bind(keys: tuple[str, ...], perform: Callable[[], None]) -> None:
        @bindings.add(*keys)
        def pressed(event: KeyPressEvent) -> None:
            perform()
            screen.changed()

    def action(name: str) -> Callable[[], None]:
        return lambda: screen.model.do(name)

    for row in KEYS:
        for key in row.keys:
            bind(parseKey(key), action(row.action))
    for digit in range(10):
        bind(("escape", str(digit)), partial(screen.model.showNumber, digit or 10))
    for key, name in screen.model.settings.keys.items():
        try:
            parsed = parseKey(key)
        except ValueError as error:
            screen.model.settings.problems.append(str(error))
        else:
            bind(parsed, action(name))


def _bindChoosing(screen: KeyTarget, bindings: KeyBindings) -> None:
    model = screen.model
    choosing = Condition(lambda: model.windows.current.chosen is not None)

    def bind(key: str, perform: Callable[[], None]) -> None:
        @bindings.add(key, filter=choosing)
        def pressed(event: KeyPressEvent) -> None:
            perform()
            screen.changed()

    bind("up", lambda: model.choose(-1))
    bind("down", lambda: model.choose(1))
    bind("pageup", lambda: model.choose(-_CHOSEN_PAGE))
    bind("pagedown", lambda: model.choose(_CHOSEN_PAGE))
    bind("c", model.copyChosen)
    bind("d", model.deleteChosen)
    bind("enter", model.goToChosen)
    bind("escape", model.endChoosing)
    bind("c-c", model.endChoosing)

    @bindings.add(Keys.Any, filter=choosing)
    def other(event: KeyPressEvent) -> None:
        model.endChoosing()
        if event.data.isprintable():
            screen.line.insert_text(event.data)
