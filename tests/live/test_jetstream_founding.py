"""
The stream of a cluster, found or made, and how one gets to it.
"""

from __future__ import annotations

import os
import random
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.broker import (
    STREAM,
    Listener,
    administer,
    agree,
    begin,
    founding,
    listening,
    place,
)
from tests.live.support.nats_server import NatsServer, freePorts
from tests.support.storage import Reactor
from tsservices.cluster.broker import BrokerError
from tsservices.cluster.nats.config import JetStreamConfig

pytestmark = pytest.mark.usefixtures("quietLoop")


class TestFounding:
    """The stream, and how one gets to it."""

    def test_race(self, engineServer: NatsServer) -> None:
        """Of two who make it one has made it; both have the same."""
        with listening(place(engineServer.url), "a", "b") as (a, b):
            a.beginToOpen(founding("a"))
            b.beginToOpen(founding("b"))
            a.reactor.until(lambda: a.stream and b.stream)
            assert a.stream is not None
            assert b.stream is not None
            assert a.stream.founding == b.stream.founding
            assert {a.stream.made, b.stream.made} == {True, False}
            made = "a" if a.stream.made else "b"
            assert a.stream.founding.epoch == made

    def test_alien(self, engineServer: NatsServer) -> None:
        """A stream of somebody else is left alone, and so is one that keeps too little."""

        async def alien(jetstream: Any) -> None:
            await jetstream.add_stream(name=STREAM, subjects=["tsservices.chat"])
            await jetstream.add_stream(name="other", subjects=["other.chat"])

        administer(engineServer.url, alien)
        for settings, said in (
            ({}, "was not made by tsservices"),
            ({"stream": "mine", "subject": "other.chat"}, "overlap"),
            ({"stream": "mine", "subject": "mine", "replicas": 3}, "replicas"),
        ):
            with listening(place(engineServer.url, **settings), "a") as (a,):
                a.beginToOpen(founding())
                a.reactor.until(lambda a=a: a.failures)  # type: ignore[misc]
                assert said in a.failures[0]
                assert "\n" not in a.failures[0]

    def test_changed(self, engineServer: NatsServer) -> None:
        """A stream that was made to forget for new messages can't be used."""

        async def change(jetstream: Any) -> None:
            config = (await jetstream.stream_info(STREAM)).config
            await jetstream.update_stream(config, discard="old")

        with listening(place(engineServer.url), "a", "b") as (a, b):
            a.open(founding())
            administer(engineServer.url, change)
            b.beginToOpen(None)
            b.reactor.until(lambda: b.failures)
            assert "throws old messages away" in b.failures[0]

    def test_small(self, engineServer: NatsServer, folder: Path) -> None:
        """
        Where no message of full length may pass, a node does not begin: it would wait for
        ever behind its first one.
        """

        async def change(jetstream: Any) -> None:
            config = (await jetstream.stream_info(STREAM)).config
            await jetstream.update_stream(config, max_msg_size=100_000)

        with listening(place(engineServer.url), "a", "b") as (a, b):
            a.open(founding())
            administer(engineServer.url, change)
            b.beginToOpen(None)
            b.reactor.until(lambda: b.failures)
            assert "takes small messages only" in b.failures[0]
        with (
            NatsServer(folder / "small", extra="max_payload: 64KB") as small,
            listening(place(small.url), "a") as (a,),
        ):
            a.beginToOpen(founding())
            a.reactor.until(lambda: a.failures)
            assert "65536 bytes at most" in a.failures[0]

    def test_missing(self, engineServer: NatsServer) -> None:
        """Who belongs to a stream does not make another one."""
        with listening(place(engineServer.url), "a") as (a,):
            a.beginToOpen(None)
            a.reactor.until(lambda: a.failures)
            assert a.failures == [f"there is no stream {STREAM}: it was deleted"]

    def test_waits(self, folder: Path) -> None:
        """A server that is not there yet is waited for."""
        one = NatsServer(folder / "n1")
        with listening(place(one.url), "a") as (a,):
            a.beginToOpen(founding())
            a.reactor.until(lambda: a.noted)
            assert one.url in a.noted[0]
            with one:
                a.reactor.until(lambda: a.stream)
                a.stop()

    def test_stopWhileConnecting(self) -> None:
        """
        It can be stopped before there is a connection: nobody listens, or somebody who says
        nothing, or it has not begun at all.
        """
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            for each in (port, freePorts(1)[0]):
                with listening(place(f"nats://127.0.0.1:{each}"), "a", "b") as (a, _):
                    a.beginToOpen(founding())
                    until = time.monotonic() + 0.2
                    a.reactor.until(lambda until=until: time.monotonic() > until)  # type: ignore[misc]
                    a.stop()
                    assert not a.failures


class TestWaysIn:
    """Passwords and certificates."""

    def fails(self, where: JetStreamConfig) -> str:
        with listening(where, "a") as (a,):
            a.beginToOpen(founding())
            a.reactor.until(lambda: a.failures or a.stream)
            assert not a.stream
            return a.failures[0]

    def test_password(self, folder: Path) -> None:
        """Who has the password comes in; who has not is told."""
        right, wrong = folder / "right", folder / "wrong"
        right.write_text("node:secret pass\n")
        wrong.write_text("node:secret")
        extra = 'authorization { user: "node", password: "secret pass" }'
        with NatsServer(folder / "n1", extra=extra) as one:
            with listening(place(one.url, passwordFile=str(right)), "a") as (a,):
                begin(a)
                a.say()
                agree(a)
            assert "Authorization" in self.fails(place(one.url, passwordFile=str(wrong)))
            assert "Authorization" in self.fails(place(one.url))

    def test_token(self, folder: Path) -> None:
        """The same with a token."""
        (folder / "token").write_text("secret")
        with (
            NatsServer(folder / "n1", extra='authorization { token: "secret" }') as one,
            listening(place(one.url, tokenFile=str(folder / "token")), "a") as (a,),
        ):
            begin(a)

    def test_nkey(self, folder: Path) -> None:
        """The same with the seed of an nkey."""
        nkeys = pytest.importorskip("nkeys", reason="it is not installed: nats-py[nkeys]")
        seed = nkeys.encode_seed(random.Random(1).randbytes(32), nkeys.PREFIX_BYTE_USER)
        (folder / "seed").write_bytes(seed + b"\n")
        public = nkeys.from_seed(bytearray(seed)).public_key.decode()
        extra = f"authorization {{ users: [{{ nkey: {public} }}] }}"
        with (
            NatsServer(folder / "n1", extra=extra) as one,
            listening(place(one.url, nkeyFile=str(folder / "seed")), "a") as (a,),
        ):
            begin(a)

    def test_rights(self, folder: Path) -> None:
        """Who may not do what has to be done is told."""
        (folder / "password").write_text("node:secret")
        extra = (
            'authorization { users: [{ user: "node", password: "secret",'
            ' permissions: { publish: "other" } }] }'
        )
        with NatsServer(folder / "n1", extra=extra) as one:
            said = self.fails(place(one.url, passwordFile=str(folder / "password")))
            assert "permissions violation" in said

    def test_tls(self, folder: Path, certificate: tuple[Path, Path]) -> None:
        """Certificates are checked, and TLS is insisted on."""
        key, cert = certificate
        extra = f'tls {{ key_file: "{key}", cert_file: "{cert}" }}'
        with NatsServer(folder / "n1", extra=extra, scheme="tls", host="localhost") as one:
            with listening(place(one.url, caFile=str(cert)), "a") as (a,):
                begin(a)
                a.say(10)
                agree(a)
            assert "certificate verify failed" in self.fails(place(one.url))
            other = one.url.replace("localhost", "127.0.0.1")
            assert "certificate verify failed" in self.fails(place(other, caFile=str(cert)))
        with NatsServer(folder / "n2", extra='authorization { token: "secret" }') as clear:
            said = self.fails(place(clear.url.replace("nats:", "tls:")))
            assert "does not offer TLS" in said
            said = self.fails(place(clear.url, caFile=str(cert)))
            assert "does not offer TLS" in said

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"servers": ()}, "address"),
            ({"servers": ("nats://me:secret@host",)}, "use a file"),
            ({"servers": ("http://host",)}, "no address"),
            ({"servers": ("nats://host:99999",)}, "no address"),
            ({"stream": "a.b"}, "no name of a stream"),
            ({"subject": "a.>"}, "no subject"),
            ({"replicas": 2}, "replicas"),
            ({"tokenFile": "there/is/none"}, "can't be read"),
            ({"tokenFile": "t", "passwordFile": "p"}, "one way in"),
            ({"passwordFile": os.devnull}, "one line"),
            ({"caFile": "there/is/none"}, "can't be read"),
            ({"caFile": __file__}, "can't be used for TLS"),
            ({"keyFile": "key"}, "certificate"),
        ],
    )
    def test_configuration(self, settings: dict[str, Any], said: str) -> None:
        """What can't be right is said before anything begins, and no secret with it."""
        where = JetStreamConfig(**{"servers": ("nats://host",), **settings})
        with pytest.raises(BrokerError, match=said) as caught:
            Listener(Reactor(), where)
        assert "secret" not in str(caught.value)

    def test_noClient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who has not installed the client is told how."""
        for each in [*sys.modules]:
            if each.startswith("tsservices.cluster.nats."):
                monkeypatch.delitem(sys.modules, each)
        monkeypatch.setitem(sys.modules, "nats.js.api", None)
        with pytest.raises(BrokerError, match=r"pip install 'tsservices\[cluster\]'"):
            Listener(Reactor(), place("nats://host"))
