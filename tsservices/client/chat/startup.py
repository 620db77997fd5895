"""
C{python -m tsservices.client chat}: the prompt first, then everything else.

Nothing of Twisted is imported before the prompt stands: that takes longer than all else,
and whoever has started the client can type meanwhile.
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
from tsservices.client.terminal.descriptors import blockingRestored
from tsservices.client.terminal.text import complaint, editingPossible
from tsservices.common.descriptors import openMissing

if TYPE_CHECKING:
    import asyncio

    from twisted.internet.base import ReactorBase

    from tsservices.client.chat.ui.terminal import Terminal

#: Shown at a terminal that could have line editing.
NO_EDITING = (
    "prompt_toolkit is not installed, so there is no line editing; "
    "pip install 'tsservices[client]' brings it"
)


class Prompt(NamedTuple):
    """A prompt that stands, and the event loop under it."""

    terminal: Terminal
    loop: asyncio.AbstractEventLoop


def openPrompt(options: ChatOptions) -> Prompt:
    """Show the prompt on this process's terminal."""
    import asyncio

    from prompt_toolkit.input import create_input

    from tsservices.client.chat.ui.terminal import Screen, Terminal

    loop = asyncio.new_event_loop()
    terminal = Terminal(loop, create_input(), Screen.open(), InputHistory(options.state))
    loop.run_until_complete(terminal.drawn())
    return Prompt(terminal, loop)


async def run(reactor: ReactorBase, options: ChatOptions, prompt: Prompt | None) -> None:
    """
    Run the client.

    @param prompt: stands already; L{None}: standard input and output are used as they are.
    @raise SystemExit: with the exit status, when that is not 0.
    """
    from random import random

    from twisted.internet.interfaces import IReactorFDSet

    from tsservices.client.chat.app import chat
    from tsservices.client.chat.ui.display import PlainDisplay, TerminalDisplay, terminalOf
    from tsservices.client.runner import supervise
    from tsservices.client.terminal.console import PlainConsole, openPlainConsole

    console: TerminalDisplay | PlainConsole
    display: TerminalDisplay | PlainDisplay
    if prompt is not None:
        styler = Styler(depth(os.environ))
        console = display = TerminalDisplay(prompt.terminal, prompt.loop, styler, options.bell)
    else:
        console = openPlainConsole(IReactorFDSet(reactor), b"")
        display = PlainDisplay(console, terminalOf(0))
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
    prompt = openPrompt(options) if editing else None
    if prompt is not None:
        from twisted.internet import asyncioreactor

        asyncioreactor.install(prompt.loop)
    from twisted.internet import reactor
    from twisted.internet.task import react

    from tsservices.transport.reactor import prepareReactor

    prepareReactor(reactor)
    try:
        with blockingRestored():
            react(run, (options, prompt))
    finally:
        if prompt is not None:
            prompt.loop.close()
