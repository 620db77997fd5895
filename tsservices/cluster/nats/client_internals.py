"""
A connection to NATS that ends when it is lost, built on private names of nats-py 2.16.

All private names of nats-py that this package leans on stand in this file, as they were read in
2.16.0; C{tests/cluster/nats/test_client_internals.py} says which of them a newer version lacks.

nats-py can reconnect by itself.  That is not used: it would send again what it has buffered, in an
order that the publisher knows nothing of.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client
from nats.errors import Error

#: The version of nats-py in which the private names were read.
VERSION = "2.16"

#: Seconds for saying goodbye.
_CLOSE_SECONDS = 0.5


class TLSRequired(Error):
    """A server offers no TLS where it has to be."""


class NATSConnection(Client):
    """
    One connection, which is not used again.

    @ivar ended: set when it has ended, or begins to.
    @ivar onError: is called with each error that the client reports.
    """

    def __init__(self, secure: bool, onError: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._secure = secure
        self.onError = onError
        self.ended = asyncio.Event()

    async def reportError(self, error: Exception) -> None:
        self.onError(error)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        # nats-py itself would go on in clear text, with the password, where a server does not ask
        # for TLS: anybody between could strip it.
        if initial_connection and self._secure and not info.get("tls_required"):
            raise TLSRequired("this server does not offer TLS")
        # Only servers that were configured are used, not those that a server tells of.
        await super()._process_info({**info, "connect_urls": None}, initial_connection)

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        # Known when it begins: to close takes long where the peer does not answer.
        self.ended.set()
        await super()._close(status, do_cbs)

    async def closeSoon(self) -> None:
        """Close, and abort what does not close in time."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.close(), _CLOSE_SECONDS)
        # A peer that is stopped (SIGSTOP) would keep the socket open.
        for name in ("_io_writer", "_bare_io_writer"):
            writer = getattr(self._transport, name, None)
            if writer is not None:
                writer.transport.abort()
        await asyncio.sleep(0)
