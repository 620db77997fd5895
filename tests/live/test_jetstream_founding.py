"""How the stream of a cluster is found or created, and how a node connects and logs in."""

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
    BrokerClient,
    administer,
    assertSameOrder,
    clients,
    config,
    identity,
    subscribeAll,
)
from tests.live.support.nats_server import NatsServer, freePorts
from tests.support.storage import ThreadReactor
from tsservices.cluster.broker import BrokerError
from tsservices.cluster.nats.config import JetStreamConfig

pytestmark = pytest.mark.usefixtures("quietLoop")


class TestFounding:
    def test_raceHasOneFounder(self, natsServer: NatsServer) -> None:
        with clients(config(natsServer.url), "a", "b") as (a, b):
            a.startOpening(identity("a"))
            b.startOpening(identity("b"))
            a.reactor.until(lambda: a.stream and b.stream)
            assert a.stream is not None
            assert b.stream is not None
            assert a.stream.identity == b.stream.identity
            assert {a.stream.created, b.stream.created} == {True, False}
            made = "a" if a.stream.created else "b"
            assert a.stream.identity.epoch == made

    def test_foreignStreamIsLeftAlone(self, natsServer: NatsServer) -> None:
        async def alien(jetstream: Any) -> None:
            await jetstream.add_stream(name=STREAM, subjects=["tsservices.chat"])
            await jetstream.add_stream(name="other", subjects=["other.chat"])

        administer(natsServer.url, alien)
        for settings, texts in (
            ({}, "was not made by tsservices"),
            ({"stream": "mine", "subject": "other.chat"}, "overlap"),
            ({"stream": "mine", "subject": "mine", "replicas": 3}, "replicas"),
        ):
            with clients(config(natsServer.url, **settings), "a") as (a,):
                a.startOpening(identity())
                a.reactor.until(lambda a=a: a.failures)  # type: ignore[misc]
                assert texts in a.failures[0]
                assert "\n" not in a.failures[0]

    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ({"discard": "old"}, "throws old messages away"),
            ({"max_msg_size": 100_000}, "takes small messages only"),
        ],
        ids=["discards old ones", "too small"],
    )
    def test_changedStream(
        self, natsServer: NatsServer, settings: dict[str, Any], text: str
    ) -> None:
        async def change(jetstream: Any) -> None:
            found = (await jetstream.stream_info(STREAM)).config
            await jetstream.update_stream(found, **settings)

        with clients(config(natsServer.url), "a", "b") as (a, b):
            a.open(identity())
            administer(natsServer.url, change)
            b.startOpening(None)
            b.reactor.until(lambda: b.failures)
            assert text in b.failures[0]

    def test_tooSmallPayload(self, folder: Path) -> None:
        with (
            NatsServer(folder / "small", extra="max_payload: 64KB") as small,
            clients(config(small.url), "a") as (a,),
        ):
            a.startOpening(identity())
            a.reactor.until(lambda: a.failures)
            assert "65536 bytes at most" in a.failures[0]

    def test_missingStreamIsNotMadeAgain(self, natsServer: NatsServer) -> None:
        with clients(config(natsServer.url), "a") as (a,):
            a.startOpening(None)
            a.reactor.until(lambda: a.failures)
            assert a.failures == [f"there is no stream {STREAM}: it was deleted"]

    def test_waitsForTheServer(self, folder: Path) -> None:
        one = NatsServer(folder / "n1")
        with clients(config(one.url), "a") as (a,):
            a.startOpening(identity())
            a.reactor.until(lambda: a.logged)
            assert one.url in a.logged[0]
            with one:
                a.reactor.until(lambda: a.stream)
                a.stop()

    def test_stopWhileConnecting(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            for item in (port, freePorts(1)[0]):
                with clients(config(f"nats://127.0.0.1:{item}"), "a", "b") as (a, _):
                    a.startOpening(identity())
                    until = time.monotonic() + 0.2
                    a.reactor.until(lambda until=until: time.monotonic() > until)  # type: ignore[misc]
                    a.stop()
                    assert not a.failures


class TestWaysIn:
    def fails(self, where: JetStreamConfig) -> str:
        with clients(where, "a") as (a,):
            a.startOpening(identity())
            a.reactor.until(lambda: a.failures or a.stream)
            assert not a.stream
            return a.failures[0]

    def test_password(self, folder: Path) -> None:
        right, wrong = folder / "right", folder / "wrong"
        right.write_text("node:secret pass\n")
        wrong.write_text("node:secret")
        extra = 'authorization { user: "node", password: "secret pass" }'
        with NatsServer(folder / "n1", extra=extra) as one:
            with clients(config(one.url, passwordFile=str(right)), "a") as (a,):
                subscribeAll(a)
                a.publish()
                assertSameOrder(a)
            assert "Authorization" in self.fails(config(one.url, passwordFile=str(wrong)))
            assert "Authorization" in self.fails(config(one.url))

    def test_token(self, folder: Path) -> None:
        (folder / "token").write_text("secret")
        with (
            NatsServer(folder / "n1", extra='authorization { token: "secret" }') as one,
            clients(config(one.url, tokenFile=str(folder / "token")), "a") as (a,),
        ):
            subscribeAll(a)

    def test_nkey(self, folder: Path) -> None:
        nkeys = pytest.importorskip("nkeys", reason="it is not installed: nats-py[nkeys]")
        seed = nkeys.encode_seed(random.Random(1).randbytes(32), nkeys.PREFIX_BYTE_USER)
        (folder / "seed").write_bytes(seed + b"\n")
        public = nkeys.from_seed(bytearray(seed)).public_key.decode()
        extra = f"authorization {{ users: [{{ nkey: {public} }}] }}"
        with (
            NatsServer(folder / "n1", extra=extra) as one,
            clients(config(one.url, nkeyFile=str(folder / "seed")), "a") as (a,),
        ):
            subscribeAll(a)

    def test_missingPermission(self, folder: Path) -> None:
        (folder / "password").write_text("node:secret")
        extra = (
            'authorization { users: [{ user: "node", password: "secret",'
            ' permissions: { publish: "other" } }] }'
        )
        with NatsServer(folder / "n1", extra=extra) as one:
            texts = self.fails(config(one.url, passwordFile=str(folder / "password")))
            assert "permissions violation" in texts

    def test_tls(self, folder: Path, certificate: tuple[Path, Path]) -> None:
        key, cert = certificate
        extra = f'tls {{ key_file: "{key}", cert_file: "{cert}" }}'
        with NatsServer(folder / "n1", extra=extra, scheme="tls", host="localhost") as one:
            with clients(config(one.url, caFile=str(cert)), "a") as (a,):
                subscribeAll(a)
                a.publish(10)
                assertSameOrder(a)
            assert "certificate verify failed" in self.fails(config(one.url))
            other = one.url.replace("localhost", "127.0.0.1")
            assert "certificate verify failed" in self.fails(config(other, caFile=str(cert)))
        with NatsServer(folder / "n2", extra='authorization { token: "secret" }') as clear:
            texts = self.fails(config(clear.url.replace("nats:", "tls:")))
            assert "does not offer TLS" in texts
            texts = self.fails(config(clear.url, caFile=str(cert)))
            assert "does not offer TLS" in texts

    @pytest.mark.parametrize(
        ("settings", "texts"),
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
    def test_configuration(self, settings: dict[str, Any], texts: str) -> None:
        where = JetStreamConfig(**{"servers": ("nats://host",), **settings})
        with pytest.raises(BrokerError, match=texts) as caught:
            BrokerClient(ThreadReactor(), where)
        assert "secret" not in str(caught.value)

    def test_clientNotInstalled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for item in [*sys.modules]:
            if item.startswith("tsservices.cluster.nats."):
                monkeypatch.delitem(sys.modules, item)
        monkeypatch.setitem(sys.modules, "nats.js.api", None)
        with pytest.raises(BrokerError, match=r"pip install 'tsservices\[cluster\]'"):
            BrokerClient(ThreadReactor(), config("nats://host"))
