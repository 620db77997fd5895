"""
C{python -m tsservices.client chat}: the prompt first, then the rest.

Nothing of Twisted is imported before the prompt stands: that takes longer than all else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from tsservices.client.chat.cli import ChatOptions, asker, parseChat
from tsservices.client.chat.ui.colours import Styler, depth
from tsservices.client.chat.ui.history import InputHistory
from tsservices.client.terminal.descriptors import blockingRestored, openMissing
from tsservices.client.terminal.text import complaint, editingPossible

if TYPE_CHECKING:
    import asyncio

    from twisted.internet.base import ReactorBase

    from tsservices.client.chat.ui.terminal import Terminal

#: What somebody at a terminal is told who has a plain prompt for want of the other.
NO_EDITING = (
    "prompt_toolkit is not installed, so there is no line editing; "
    "pip install 'tsservices[client]' brings it"
)


class Prompt(NamedTuple):
    """A prompt that stands, and the event loop under it."""

    terminal: Terminal
    loop: asyncio.AbstractEventLoop


def openPrompt(command: ChatOptions) -> Prompt:
    """Show the prompt on this process's terminal."""
    import asyncio

    from prompt_toolkit.input import create_input

    from tsservices.client.chat.ui.terminal import Screen, Terminal

    loop = asyncio.new_event_loop()
    terminal = Terminal(loop, create_input(), Screen.open(), InputHistory(command.state))
    loop.run_until_complete(terminal.drawn())
    return Prompt(terminal, loop)


async def converse(reactor: ReactorBase, command: ChatOptions, prompt: Prompt | None) -> None:
    """
    Run the client.

    @param prompt: stands already; L{None}: standard input and output are to be used as they
        are.
    @raise SystemExit: with the exit status, when that is not 0.
    """
    from random import random

    from twisted.internet.interfaces import IReactorFDSet

    pass
    from tsservices.client.chat.app import chat
    from tsservices.client.chat.ui.surface import PlainDisplay, TerminalDisplay, terminalOf
    from tsservices.client.runner import supervise
    from tsservices.client.terminal.console import PlainConsole, openPlainConsole

    console: TerminalDisplay | PlainConsole
    surface: TerminalDisplay | PlainDisplay
    if prompt is not None:
        painter = Styler(depth(os.environ))
        console = surface = TerminalDisplay(prompt.terminal, prompt.loop, painter, command.bell)
    else:
        console = openPlainConsole(IReactorFDSet(reactor), b"")
        surface = PlainDisplay(console, terminalOf(0))
    talking = chat(reactor, command, console, surface, random)
    status = await supervise(reactor, talking, console)
    if status:
        raise SystemExit(status)


def main(arguments: Sequence[str]) -> None:
    """
    Read the command line and run the client.

    @raise SystemExit: always, with the exit status.
    """
    command = parseChat(arguments, os.environ, asker(os.isatty))
    openMissing()
    editing = not command.json and editingPossible(os.environ, os.isatty)
    missing = find_spec("prompt_toolkit") is None and os.isatty(0) and os.isatty(1)
    if missing and not command.json:
        sys.stderr.write(complaint(NO_EDITING))
    prompt = openPrompt(command) if editing else None
    if prompt is not None:
        from twisted.internet import asyncioreactor

        asyncioreactor.install(prompt.loop)
    from twisted.internet.task import react

    try:
        with blockingRestored():
            react(converse, (command, prompt))
    finally:
        if prompt is not None:
            prompt.loop.close()
