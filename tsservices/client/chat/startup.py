"""
The start of C{tsservices chat}.

The prompt is shown before Twisted is imported, which is the slowest part of the start: the user
can type meanwhile.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from tsservices.client.chat.cli import ChatOptions, asker, parseChat
from tsservices.client.chat.colours import Styler, depth
from tsservices.client.chat.ui.files.history import InputHistory, WindowHistory
from tsservices.client.chat.ui.files.settings import SETTINGS_FILE, readSettings
from tsservices.client.terminal.descriptors import blockingRestored
from tsservices.client.terminal.text import complaint, editingPossible
from tsservices.common.descriptors import openMissing
from tsservices.frontends.formats.localtime import LocalTime

if TYPE_CHECKING:
    import asyncio

    from twisted.internet.base import ReactorBase

    from tsservices.client.chat.ui.files.saved_windows import WindowsFile
    from tsservices.client.chat.ui.screen import ChatScreen
    from tsservices.client.chat.ui.screen_display import ScreenDisplay
    from tsservices.client.chat.ui.terminal import Terminal

#: Shown at a terminal if line editing is not installed.
NO_EDITING = (
    "prompt_toolkit is not installed, so there is no line editing; "
    "pip install 'tsservices[client]' brings it"
)


class Prompt(NamedTuple):
    """A prompt on the terminal, and its event loop."""

    terminal: Terminal
    loop: asyncio.AbstractEventLoop


class FullScreen(NamedTuple):
    """A full screen on the terminal, its event loop, and the objects made with it."""

    screen: ChatScreen
    loop: asyncio.AbstractEventLoop
    #: The file of saved windows.
    file: WindowsFile
    #: The options of the command line, with the rooms of the saved windows and the log folder.
    options: ChatOptions


def openScreen(options: ChatOptions) -> FullScreen:
    """Show the full screen on this process's terminal."""
    import asyncio

    # These need wcwidth, of the extra C{client}; without it the client runs without a screen.
    from tsservices.client.chat.ui.files.saved_windows import WindowsFile
    from tsservices.client.chat.ui.model import ScreenModel
    from tsservices.client.chat.ui.screen import ChatScreen
    from tsservices.client.chat.ui.terminal import Screen
    from tsservices.client.terminal.keyboard import Keyboard

    loop = asyncio.new_event_loop()
    path = options.settings or os.path.join(options.state, SETTINGS_FILE)
    settings = readSettings(path)
    settings.bell = settings.bell and options.bell
    model = ScreenModel(settings, LocalTime(time.localtime), time.monotonic)
    server = f"{options.host}:{options.port} {options.account}".rstrip()
    file = WindowsFile(options.state, server)
    saved = file.load()
    rooms = options.rooms if options.chosenRooms or not saved.windows else ()
    names = model.open(saved, rooms)
    history = WindowHistory(options.state)
    model.loadHistory(history.load())
    model.remembered = history.keep
    screen = ChatScreen(loop, Keyboard(sys.stdin, True), Screen.open(), model, depth(os.environ))
    loop.run_until_complete(screen.drawn())
    joined = tuple(f"{name} {model.keyOf(name)}".rstrip() for name in names)
    log = options.log or settings.log
    return FullScreen(screen, loop, file, replace(options, rooms=joined, log=log))


def openPrompt(options: ChatOptions) -> Prompt:
    """Show the prompt on this process's terminal."""
    import asyncio

    from tsservices.client.chat.ui.terminal import Screen, Terminal
    from tsservices.client.terminal.keyboard import Keyboard

    loop = asyncio.new_event_loop()
    terminal = Terminal(loop, Keyboard(sys.stdin, True), Screen.open(), InputHistory(options.state))
    loop.run_until_complete(terminal.drawn())
    return Prompt(terminal, loop)


async def run(
    reactor: ReactorBase, options: ChatOptions, prompt: Prompt | FullScreen | None
) -> None:
    """
    Run the client.

    @param prompt: L{None}: standard input and output are used as they are.
    @raise SystemExit: with the exit status, if that is not 0.
    """
    from random import random

    from twisted.internet.interfaces import IReactorFDSet

    from tsservices.client.chat.app import chat
    from tsservices.client.chat.ui.display import PlainDisplay, TerminalDisplay, terminalOf
    from tsservices.client.runner import supervise
    from tsservices.client.terminal.console import PlainConsole, openPlainConsole

    console: ScreenDisplay | TerminalDisplay | PlainConsole
    display: ScreenDisplay | TerminalDisplay | PlainDisplay
    if isinstance(prompt, FullScreen):
        from tsservices.client.chat.ui.screen_display import ScreenDisplay

        options = prompt.options
        console = display = ScreenDisplay(prompt.screen, prompt.loop, prompt.file, options.log)
    elif prompt is not None:
        styler = Styler(depth(os.environ))
        console = display = TerminalDisplay(prompt.terminal, prompt.loop, styler, options.bell)
    else:
        console = openPlainConsole(IReactorFDSet(reactor), b"")
        quiet = not (options.show or options.json or options.forget or os.isatty(0))
        display = PlainDisplay(console, terminalOf(0), quiet)
    talking = chat(reactor, options, console, display, random)
    status = await supervise(reactor, talking, console)
    if status:
        raise SystemExit(status)


def main(arguments: Sequence[str]) -> None:
    """
    Read the command line and run the client.

    @raise SystemExit: always, with the exit status.
    """
    options = parseChat(arguments, os.environ, asker(os.isatty))
    openMissing()
    editing = not (options.json or options.forget) and editingPossible(os.environ, os.isatty)
    missing = find_spec("prompt_toolkit") is None and os.isatty(0) and os.isatty(1)
    if missing and not options.json:
        sys.stderr.write(complaint(NO_EDITING))
    prompt: Prompt | FullScreen | None = None
    if editing:
        prompt = openPrompt(options) if options.inline else openScreen(options)
    if prompt is not None:
        from twisted.internet import asyncioreactor

        asyncioreactor.install(prompt.loop)
    from twisted.internet import reactor
    from twisted.internet.task import react

    from tsservices.client.resolve import detachLookups
    from tsservices.transport.reactor import prepareReactor

    prepareReactor(reactor)
    detachLookups(reactor)
    try:
        with blockingRestored():
            react(run, (options, prompt))
    finally:
        if prompt is not None:
            prompt.loop.close()
