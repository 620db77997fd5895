"""
A connection to NATS that ends when it is lost, built on private names of nats-py 2.16.

All private names of nats-py that this package uses are in this file, as found in 2.16.0;
C{tests/cluster/nats/test_client_internals.py} shows which of them a newer version lacks.

The reconnection of nats-py itself is not used: it would send its buffered messages again, in an
order unknown to the publisher.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client
from nats.errors import Error

#: The version of nats-py in which the private names were checked.
VERSION = "2.16"

#: Seconds to close a connection.
_CLOSE_SECONDS = 0.5


class TLSRequired(Error):
    """A server offers no TLS although it is required."""


class NATSConnection(Client):
    """
    One connection, which is not used again.

    @ivar ended: set when the connection has ended, or begins to end.
    @ivar onError: called with each error reported by the client.
    """

    def __init__(self, secure: bool, onError: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._secure = secure
        self.onError = onError
        self.ended = asyncio.Event()

    async def reportError(self, error: Exception) -> None:
        self.onError(error)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        # nats-py itself would continue in clear text, with the password, if the server does not ask
        # for TLS: an attacker between the two could remove the request.
        if initial_connection and self._secure and not info.get("tls_required"):
            raise TLSRequired("this server does not offer TLS")
        # Only configured servers are used, not the ones that a server advertises.
        await super()._process_info({**info, "connect_urls": None}, initial_connection)

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        # Set at the beginning, because closing takes long if the peer does not answer.
        self.ended.set()
        await super()._close(status, do_cbs)

    async def closeSoon(self) -> None:
        """Close the connection, and abort it if that takes too long."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.close(), _CLOSE_SECONDS)
        # A peer that is stopped (SIGSTOP) would keep the socket open.
        for name in ("_io_writer", "_bare_io_writer"):
            writer = getattr(self._transport, name, None)
            if writer is not None:
                writer.transport.abort()
        await asyncio.sleep(0)
