"""The connection to one of the broker's servers; it reconnects when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from random import Random

from nats.errors import Error

from tsservices.cluster.broker import BrokerError
from tsservices.cluster.nats.client_internals import NATSConnection, TLSRequired
from tsservices.cluster.nats.config import JetStreamConfig, Log, connectOptions
from tsservices.cluster.nats.loop_thread import oneLine

#: Seconds for each step of a connection.
_CONNECT_SECONDS = 2.0

#: Seconds for all steps.
_LOGIN_SECONDS = 6.0

#: Seconds between two pings; the third without an answer ends the connection.
_PING_SECONDS = 1.0

#: Seconds between two rounds of attempts, at first.
_MIN_PAUSE_SECONDS = 0.1

#: Seconds between two rounds of attempts, after many rounds.
_MAX_PAUSE_SECONDS = 2.0

#: Seconds to send the published messages before the connection is closed.
_FLUSH_SECONDS = 1

#: Words in the error with which a server rejects a login: its errors have no codes.
_REJECTION_WORDS = ("authorization", "authentication", "credentials", "nkey", "jwt")

# The client also logs the errors that it raises: they would be logged twice.
logging.getLogger("nats").addHandler(logging.NullHandler())


class ReconnectingConnection:
    """
    Tries one server after another until there is a connection, and again when it is lost.

    @ivar connection: the current connection; L{None}: there is none.
    @ivar rejections: how many attempts in a row were rejected by a server.
    """

    def __init__(
        self,
        config: JetStreamConfig,
        random: Random,
        changed: Callable[[str], object],
        log: Log,
    ) -> None:
        """@param changed: gets the server's address, or an empty string when a connection ends."""
        self._config = config
        self._random = random
        self._changed = changed
        self.log = log
        self._servers = list(config.servers)
        # Nodes with the same configuration should not all use the same server.
        random.shuffle(self._servers)
        self.connection: NATSConnection | None = None
        self.rejections = 0

    async def run(self) -> None:
        """Stay connected until the task is cancelled."""
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
            # The server whose connection was lost is tried last.
            self._servers.remove(server)
            self._servers.append(server)

    async def _connect(self, server: str) -> NATSConnection | None:
        secure = self._config.secure or server.startswith("tls:")
        errors: list[BaseException] = []
        connection = NATSConnection(secure, errors.append)
        try:
            options = connectOptions(self._config)
            async with asyncio.timeout(_LOGIN_SECONDS):
                await connection.connect(
                    [server],
                    error_cb=connection.reportError,
                    name="tsservices",
                    allow_reconnect=False,
                    # One attempt; 0 would mean no limit.
                    max_reconnect_attempts=1,
                    reconnect_time_wait=_MIN_PAUSE_SECONDS,  # type: ignore[arg-type]
                    connect_timeout=_CONNECT_SECONDS,  # type: ignore[arg-type]
                    ping_interval=_PING_SECONDS,  # type: ignore[arg-type]
                    # No buffer while there is no connection: the publisher sends again itself.
                    pending_size=0,
                    **options,
                )
            if connection.is_connected:
                connection.onError = self._logError
                self.rejections = 0
                return connection
            error: BaseException = errors[-1] if errors else Error("the server hung up")
        except asyncio.CancelledError:
            await connection.closeSoon()
            raise
        except Exception as raised:
            # A reported error has more details than the one that the client raises in the end.
            error = errors[-1] if errors and not isinstance(raised, TLSRequired) else raised
        await connection.closeSoon()
        if _isRejection(error):
            self.rejections += 1
        elif not isinstance(error, OSError | TimeoutError):
            self.rejections = 0
        self.log(f"{server}: {oneLine(error)}")
        return None

    async def _use(self, connection: NATSConnection, server: str) -> None:
        self.connection = connection
        self._changed(server)
        try:
            await connection.ended.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await connection.flush(_FLUSH_SECONDS)
            raise
        finally:
            self.connection = None
            self._changed("")
            await connection.closeSoon()

    def _logError(self, error: BaseException) -> None:
        self.log(oneLine(error))


def _isRejection(error: BaseException) -> bool:
    if isinstance(error, ssl.SSLCertVerificationError | TLSRequired | BrokerError):
        return True
    text = str(error).casefold()
    return isinstance(error, Error) and any(word in text for word in _REJECTION_WORDS)
