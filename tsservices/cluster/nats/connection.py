"""
The connection to one of the engine's servers, made again whenever it is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from random import Random
from typing import Any

from nats.aio.client import Client
from nats.errors import Error

from tsservices.cluster.broker import BrokerError
from tsservices.cluster.nats.config import JetStreamConfig, Log, connectOptions
from tsservices.cluster.nats.loop_thread import oneLine

#: Seconds for each step of a connection.
_CONNECT_SECONDS = 2.0

#: Seconds for all of them.
_LOGIN_SECONDS = 6.0

#: Seconds between two questions whether a server is there; the third without an answer ends it.
_PING_SECONDS = 1.0

#: Seconds between two attempts, at first.
_MIN_PAUSE_SECONDS = 0.1

#: Seconds between two attempts, when there were many.
_MAX_PAUSE_SECONDS = 2.0

#: Seconds for saying goodbye.
_CLOSE_SECONDS = 0.5

#: Seconds for what was said before that.
_FLUSH_SECONDS = 1

#: Words by which a server says that somebody may not come in.
_REJECTION_WORDS = ("authorization", "authentication", "credentials", "nkey", "jwt")

# What the client logs beside what it raises is noted here already.
logging.getLogger("nats").addHandler(logging.NullHandler())


class TLSRequired(Error):
    """A server offers no TLS where it has to be."""


class Connection(Client):
    """
    One connection, which is not used again.

    @ivar ended: set when it has ended, or begins to.
    @ivar onError: is told of errors.
    """

    def __init__(self, secure: bool, onError: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._secure = secure
        self.onError = onError
        self.ended = asyncio.Event()

    async def reportError(self, error: Exception) -> None:
        self.onError(error)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """
        The client itself would go on in clear text, and say its password, where a server
        does not ask for TLS.
        """
        if initial_connection and self._secure and not info.get("tls_required"):
            raise TLSRequired("this server does not offer TLS")
        # Only servers that were configured are used.
        await super()._process_info({**info, "connect_urls": None}, initial_connection)

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        """End, which may take long."""
        self.ended.set()
        await super()._close(status, do_cbs)

    async def closeSoon(self) -> None:
        """End soon."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.close(), _CLOSE_SECONDS)
        # A peer that is stopped would keep it open.
        writer = getattr(self._transport, "_io_writer", None)
        bare = getattr(self._transport, "_bare_io_writer", None)
        for each in (writer, bare):
            if each is not None:
                each.transport.abort()
        await asyncio.sleep(0)


class ReconnectingConnection:
    """
    Connects with one server after another until there is a connection, and again when
    there is none any more.

    @ivar connection: the one there is now.
    @ivar rejections: how often in a row somebody was not let in.
    @ivar connections: how many there were.
    @ivar up: set while there is one.
    @ivar log: is told of errors.
    """

    def __init__(
        self,
        config: JetStreamConfig,
        random: Random,
        changed: Callable[[str], object],
        log: Log,
    ) -> None:
        self._config = config
        self._random = random
        self._changed = changed
        self.log = log
        self._servers = list(config.servers)
        random.shuffle(self._servers)
        self.connection: Connection | None = None
        self.up = asyncio.Event()
        self.rejections = 0
        self.connections = 0

    async def run(self) -> None:
        """Do this for ever."""
        pause = _MIN_PAUSE_SECONDS
        while True:
            for server in list(self._servers):
                connection = await self._connect(server)
                if connection is not None:
                    pause = _MIN_PAUSE_SECONDS
                    await self._use(connection, server)
                    break
            else:
                await asyncio.sleep(pause * (0.5 + self._random.random()))
                pause = min(_MAX_PAUSE_SECONDS, pause * 2)
                continue
            # The one that was lost is the last to be tried.
            self._servers.remove(server)
            self._servers.append(server)

    async def _connect(self, server: str) -> Connection | None:
        secure = self._config.secure or server.startswith("tls:")
        seen: list[BaseException] = []
        connection = Connection(secure, seen.append)
        try:
            found = connectOptions(self._config)
            async with asyncio.timeout(_LOGIN_SECONDS):
                await connection.connect(
                    [server],
                    error_cb=connection.reportError,
                    name="tsservices",
                    allow_reconnect=False,
                    # That many and no more; none would be no end.
                    max_reconnect_attempts=1,
                    reconnect_time_wait=_MIN_PAUSE_SECONDS,  # type: ignore[arg-type]
                    connect_timeout=_CONNECT_SECONDS,  # type: ignore[arg-type]
                    ping_interval=_PING_SECONDS,  # type: ignore[arg-type]
                    # What can't be sent now is not kept: whoever wants it sent, sends it again.
                    pending_size=0,
                    **found,
                )
            if connection.is_connected:
                connection.onError = self._logError
                self.rejections = 0
                return connection
            error: BaseException = seen[-1] if seen else Error("the server hung up")
        except asyncio.CancelledError:
            await connection.closeSoon()
            raise
        except Exception as raised:
            error = seen[-1] if seen and not isinstance(raised, TLSRequired) else raised
        await connection.closeSoon()
        if _isRejection(error):
            self.rejections += 1
        elif not isinstance(error, OSError | TimeoutError):
            self.rejections = 0
        self.log(f"{server}: {oneLine(error)}")
        return None

    async def _use(self, connection: Connection, server: str) -> None:
        self.connections += 1
        self.connection = connection
        self.up.set()
        self._changed(server)
        try:
            await connection.ended.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await connection.flush(_FLUSH_SECONDS)
            raise
        finally:
            self.connection = None
            self.up.clear()
            self._changed("")
            await connection.closeSoon()

    def _logError(self, error: BaseException) -> None:
        self.log(oneLine(error))


def _isRejection(error: BaseException) -> bool:
    if isinstance(error, ssl.SSLCertVerificationError | TLSRequired | BrokerError):
        return True
    words = str(error).casefold()
    return isinstance(error, Error) and any(each in words for each in _REJECTION_WORDS)
