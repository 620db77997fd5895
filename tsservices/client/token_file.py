"""
The file of account tokens that the chat's client keeps, so that no password is needed.  Pure.

A line is C{HOST:PORT ACCOUNT sha256:DIGITS|loopback TOKEN|never TIME}.  The third word says to whom
the token may be sent: to a server with this key, by TLS, or to this computer itself, in clear.
C{never} stands where somebody has said that none is to be kept.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from tsservices.chat.names import fold
from tsservices.client.shared_file import SharedFile, SharedFileError
from tsservices.client.trust import fingerprint, parseFingerprint
from tsservices.common.addresses import hostPort
from tsservices.common.tokens import TOKEN_LENGTH, readToken

#: The name of the file in the state folder of the user.
TOKENS = "tokens"

#: To whom a token may be sent that was made on a connection in clear.
LOOPBACK = "loopback"

_NEVER = "never"

#: An address of IPv4 as one of IPv6.
_MAPPED = "::ffff:"


class _Entry(NamedTuple):
    address: str
    account: str
    binding: str
    token: str


def bindingOf(peer: str, key: str) -> str:
    """
    To whom tokens of a connection are bound; empty: none is sent or made on it.

    @param peer: the address that the connection leads to.
    @param key: the SHA-256 of the server's public key in hexadecimal; empty: it is in clear.
    """
    if key:
        return fingerprint(key)
    try:
        address = ipaddress.ip_address(peer.lower().removeprefix(_MAPPED))
    except ValueError:
        return ""
    return LOOPBACK if address.is_loopback else ""


class TokenFile:
    """
    The tokens that are kept for one server.

    @ivar path: of the file.
    @ivar binding: of the present connection, by L{bindingOf}.
    """

    def __init__(
        self,
        folder: str,
        host: str,
        port: int,
        complain: Callable[[str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        @param complain: is told once of what a person should know of the file.
        @param now: gives seconds since 1970.
        """
        self.binding = ""
        self._file = SharedFile(os.path.join(folder, TOKENS), complain, secret=True)
        self.path = self._file.path
        self._address = hostPort(_canonical(host), port)
        self._now = now

    def has(self, account: str) -> bool:
        """Whether there is a token for this account, to whomever it may be sent."""
        entry = self._find(account)
        return entry is not None and entry.token != _NEVER

    def find(self, account: str) -> str:
        """The token that may be sent on the present connection; empty: none."""
        entry = self._find(account)
        if entry is None or entry.token == _NEVER or entry.binding != self.binding:
            return ""
        return entry.token

    def declined(self, account: str) -> bool:
        """Whether none is to be kept."""
        entry = self._find(account)
        return entry is not None and entry.token == _NEVER

    def keep(self, account: str, token: str) -> str:
        """
        Keep a token for servers such as that of the present connection.

        @return: the id of the one that was kept before, which is of no more use; empty: none.
        @raise SharedFileError: it can't be written.
        @raise ValueError: it is no token, or no account.
        """
        assert self.binding
        # A server has sent them, and they become words of one line.
        readToken(token)
        if len(token) != TOKEN_LENGTH or len(fold(account).split()) != 1:
            raise ValueError
        return self._replace(account, _Entry(self._address, fold(account), self.binding, token))

    def decline(self, account: str) -> None:
        """
        Keep none, and remember that.

        @raise SharedFileError: it can't be written.
        """
        binding = self.binding or LOOPBACK
        self._replace(account, _Entry(self._address, fold(account), binding, _NEVER))

    def forget(self, account: str, token: str = "") -> str:
        """
        Keep a token no longer.

        @param token: only if it is this one; empty: whichever it is.
        @return: the id of the one that was kept; empty: none was.
        @raise SharedFileError: it can't be written.
        """
        entry = self._read(account)
        # A file that may not be written does not matter where nothing is to be changed.
        if entry is None or token not in ("", entry.token):
            return ""
        return self._replace(account, None, token)

    def _find(self, account: str) -> _Entry | None:
        try:
            return self._read(account)
        except SharedFileError as error:
            # Where there is no folder, nothing is kept.
            if not isinstance(error.__cause__, NotADirectoryError):
                self._file.report(f"no token is read: {error}")
            return None

    def _read(self, account: str) -> _Entry | None:
        found = None
        for number, line in enumerate(self._file.lines(), 1):
            try:
                entry = _parse(line)
            except ValueError as error:
                self._file.report(f"{self.path} line {number} is ignored: {error}")
                continue
            if self._isAbout(entry, account):
                found = entry
        return found

    def _isAbout(self, entry: _Entry | None, account: str) -> bool:
        return entry is not None and entry[:2] == (self._address, fold(account))

    def _replace(self, account: str, new: _Entry | None, only: str = "") -> str:
        before = ""

        def change(lines: list[str]) -> list[str]:
            nonlocal before
            others = []
            for line in lines:
                try:
                    entry = _parse(line)
                except ValueError:
                    entry = None
                if (
                    entry is None
                    or not self._isAbout(entry, account)
                    or only
                    not in (
                        "",
                        entry.token,
                    )
                ):
                    others.append(line)
                elif entry.token != _NEVER:
                    before = readToken(entry.token).ident
            if new is not None:
                moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
                others.append(" ".join((*new, moment)))
            return others

        self._file.rewrite(change)
        return before


def _canonical(host: str) -> str:
    # Without IDNA, which takes an extra: of a name in two forms each has a token of its own.
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")


def _parse(line: str) -> _Entry | None:
    words = line.removeprefix("\ufeff").split()
    if not words or words[0].startswith("#"):
        return None
    if len(words) < 4:
        raise ValueError("it is not HOST:PORT ACCOUNT KEY TOKEN")
    address, account, binding, token = words[:4]
    if binding != LOOPBACK:
        binding = fingerprint(parseFingerprint(binding))
    if token != _NEVER:
        try:
            readToken(token)
        except ValueError:
            # Nothing of the token is shown.
            raise ValueError("its token is not whole") from None
    return _Entry(address.lower(), fold(account), binding, token)
