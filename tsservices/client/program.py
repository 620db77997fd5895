"""The entry of the timestamp client, the talk client and the probe: choose the reactor and run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorFDSet

from tsservices.client.cli import Command, EchoOptions, parseArguments
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.resolve import detachLookups
from tsservices.client.runner import run
from tsservices.client.terminal.console import Console, openPlainConsole
from tsservices.client.terminal.descriptors import blockingRestored
from tsservices.client.terminal.text import editingPossible
from tsservices.common.descriptors import openMissing
from tsservices.transport.reactor import prepareReactor

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase


async def client(
    reactor: ReactorBase, command: Command, loop: asyncio.AbstractEventLoop | None
) -> None:
    """
    Run the client on this process's terminal or pipes.

    @raise SystemExit: with the exit status, if that is not 0.
    """
    console: Console
    if loop is not None:
        from tsservices.client.terminal.prompt import openPromptConsole

        console = openPromptConsole(loop, reactor)
    else:
        # No prompt for talk: text that arrives at any time would be printed behind it.
        prompt = b"> " if isinstance(command, EchoOptions) else b""
        console = openPlainConsole(IReactorFDSet(reactor), prompt)
    status = await run(reactor, command, console)
    if status:
        raise SystemExit(status)


def main(arguments: Sequence[str]) -> None:
    """
    Read the command line and run the client.

    @raise SystemExit: always, with the exit status.
    """
    command = parseArguments(arguments)
    openMissing()
    if isinstance(command, ProbeOptions):
        from tsservices.client.probe.run import main as measure

        measure(command)
        return
    loop: asyncio.AbstractEventLoop | None = None
    if editingPossible(os.environ, os.isatty):
        from twisted.internet import asyncioreactor

        loop = asyncio.new_event_loop()
        asyncioreactor.install(loop)
    from twisted.internet import reactor
    from twisted.internet.task import react

    prepareReactor(reactor)
    detachLookups(reactor)
    with blockingRestored():
        react(client, (command, loop))
