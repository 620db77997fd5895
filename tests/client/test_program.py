"""Tests for L{tsservices.client.program}."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, cast
from unittest import mock

from twisted.internet import asyncioreactor, task
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.client import FakeConsole, FakeReactor
from tsservices.client import program
from tsservices.client.cli import Command, EchoOptions, TalkOptions


class MainTests(SynchronousTestCase):
    def runMain(self, editing: bool) -> tuple[list[tuple[Any, ...]], list[object]]:
        ran: list[tuple[Any, ...]] = []
        installed: list[object] = []

        def react(main: Callable[..., object], arguments: tuple[object, ...]) -> None:
            ran.append((main, *arguments))

        with (
            mock.patch.object(program, "editingPossible", return_value=editing),
            mock.patch.object(asyncioreactor, "install", installed.append),
            mock.patch.object(task, "react", react),
            mock.patch.object(program, "prepareReactor"),
            mock.patch.object(os, "get_blocking", return_value=True),
            mock.patch.object(os, "set_blocking"),
        ):
            program.main(["--line"])
        return ran, installed

    def test_plain(self) -> None:
        ran, installed = self.runMain(False)
        assert ran == [(program.client, EchoOptions(port=21568, wire="line"), None)]
        assert installed == []

    def test_editing(self) -> None:
        ran, [loop] = self.runMain(True)
        assert ran[0][2] is loop
        assert isinstance(loop, asyncio.AbstractEventLoop)
        loop.close()


class ClientTests(SynchronousTestCase):
    def runClient(self, command: Command, console: FakeConsole) -> tuple[Deferred[None], bytes]:
        self.reactor = FakeReactor()
        with mock.patch.object(program, "openPlainConsole", return_value=console) as opened:
            done = Deferred.fromCoroutine(
                program.client(cast(ReactorBase, self.reactor), command, None)
            )
        prompt: bytes = opened.call_args.args[1]
        return done, prompt

    def test_status(self) -> None:
        done, prompt = self.runClient(EchoOptions(), FakeConsole())
        assert prompt == b"> "
        self.reactor.acceptTCP()
        self.successResultOf(done)
        done, _ = self.runClient(EchoOptions(), FakeConsole(ended=False))
        self.reactor.acceptTCP().drop()
        assert cast(SystemExit, self.failureResultOf(done, SystemExit).value).code == 1

    def test_noPrompt(self) -> None:
        _, prompt = self.runClient(TalkOptions(), FakeConsole())
        assert prompt == b""

    def test_editing(self) -> None:
        if find_spec("prompt_toolkit") is None:
            self.skipTest("prompt_toolkit is not installed")
        reactor = FakeReactor()
        loop = mock.Mock(spec=asyncio.AbstractEventLoop)
        with mock.patch(
            "tsservices.client.terminal.prompt.openPromptConsole", return_value=FakeConsole()
        ) as opened:
            done = Deferred.fromCoroutine(
                program.client(cast(ReactorBase, reactor), EchoOptions(), loop)
            )
        opened.assert_called_once_with(loop, reactor)
        reactor.acceptTCP()
        self.successResultOf(done)
