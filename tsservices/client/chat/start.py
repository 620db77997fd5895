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

from tsservices.client.chat.arguments import ChatCommand, asker, parseChat
from tsservices.client.chat.colours import Painter, depth
from tsservices.client.chat.history import InputHistory
from tsservices.client.descriptors import blockingRestored, openMissing
from tsservices.client.screen import complaint, editingPossible

if TYPE_CHECKING:
    import asyncio

    from twisted.internet.base import ReactorBase

    from tsservices.client.chat.terminal import Terminal

NO_EDITING = (
    "prompt_toolkit is not installed, so there is no line editing; "
    "pip install 'tsservices[client]' brings it"
)
"""
What somebody at a terminal is told who has a plain prompt for want of the other.
"""


class Prompt(NamedTuple):
    """
    A prompt that stands, and the event loop under it.
    """

    terminal: Terminal
    loop: asyncio.AbstractEventLoop


def openPrompt(command: ChatCommand) -> Prompt:
    """
    Show the prompt on this process's terminal.

    @param command: says where what was typed before is.
    @return: the prompt.
    """
    import asyncio

    from prompt_toolkit.input import create_input

    from tsservices.client.chat.terminal import Screen, Terminal

    loop = asyncio.new_event_loop()
    terminal = Terminal(loop, create_input(), Screen.open(), InputHistory(command.state))
    loop.run_until_complete(terminal.drawn())
    return Prompt(terminal, loop)


async def converse(reactor: ReactorBase, command: ChatCommand, prompt: Prompt | None) -> None:
    """
    Run the client.

    @param reactor: the reactor.
    @param command: what is asked for.
    @param prompt: stands already; L{None}: standard input and output are to be used as they
        are.
    @raise SystemExit: with the exit status, when that is not 0.
    """
    from random import random

    from twisted.internet.interfaces import IReactorFDSet

    from tsservices.client.chat.client import chat
    from tsservices.client.chat.surface import PlainSurface, TerminalConsole, terminalOf
    from tsservices.client.console import PlainConsole, openPlainConsole
    from tsservices.client.session import supervise

    console: TerminalConsole | PlainConsole
    surface: TerminalConsole | PlainSurface
    if prompt is not None:
        painter = Painter(depth(os.environ))
        console = surface = TerminalConsole(prompt.terminal, prompt.loop, painter, command.bell)
    else:
        console = openPlainConsole(IReactorFDSet(reactor), b"")
        surface = PlainSurface(console, terminalOf(0))
    talking = chat(reactor, command, console, surface, random)
    status = await supervise(reactor, talking, console)
    if status:
        raise SystemExit(status)


def main(arguments: Sequence[str]) -> None:
    """
    Read the command line and run the client.

    @param arguments: those behind C{chat}.
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
