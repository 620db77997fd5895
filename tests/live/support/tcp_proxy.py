"""A TCP proxy whose connections can be cut, like a network that fails."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from itertools import chain
from typing import Self

from tests.live.support.server import ANSWER_SECONDS


class Proxy:
    def __init__(self, target: tuple[str, int]) -> None:
        self.passed = 0
        self._target = target
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._refusing = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(ANSWER_SECONDS)
        self.cut()

    def setClosed(self, refusing: bool) -> None:
        self._refusing = refusing

    def cut(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for end in chain.from_iterable(pairs):
            with suppress(OSError):
                # A reset discards what was not delivered.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if self._refusing:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(self._target, ANSWER_SECONDS)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                self.passed += 1
                with self._lock:
                    self._pairs.append((client, server))
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
