"""
The file of account tokens that the chat client keeps, so that no password is needed.  Pure.

A line is C{HOST:PORT ACCOUNT sha256:DIGITS|loopback TOKEN|never TIME}.  The third word is the
server to which the token may be sent: over TLS to one with this key, or unencrypted to this
computer.  C{never} means that the user does not want a token to be kept.
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

#: The binding of a token that was made on an unencrypted connection to this computer.
LOOPBACK = "loopback"

_NEVER = "never"

#: The prefix of an IPv4 address that is mapped to IPv6.
_MAPPED = "::ffff:"


class _Entry(NamedTuple):
    address: str
    account: str
    binding: str
    token: str


def bindingOf(peer: str, key: str) -> str:
    """
    Return the binding of a connection's tokens; empty: none may be sent or made on it.

    @param peer: the address of the peer.
    @param key: the SHA-256 of the server's public key in hexadecimal; empty: unencrypted.
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

    @ivar path: the path of the file.
    @ivar binding: the result of L{bindingOf} for the current connection.
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
        @param complain: shows a problem with the file to the user; called once for each.
        @param now: returns seconds since 1970.
        """
        self.binding = ""
        self._file = SharedFile(os.path.join(folder, TOKENS), complain, secret=True)
        self.path = self._file.path
        self._address = hostPort(_canonical(host), port)
        self._now = now

    def has(self, account: str) -> bool:
        """Check whether there is a token for this account, with any binding."""
        entry = self._find(account)
        return entry is not None and entry.token != _NEVER

    def find(self, account: str) -> str:
        """Return the token that may be sent on the current connection; empty: none."""
        entry = self._find(account)
        if entry is None or entry.token == _NEVER or entry.binding != self.binding:
            return ""
        return entry.token

    def declined(self, account: str) -> bool:
        """Check whether the user does not want a token to be kept."""
        entry = self._find(account)
        return entry is not None and entry.token == _NEVER

    def keep(self, account: str, token: str) -> str:
        """
        Save a token with the binding of the current connection.

        @return: the id of the token that was replaced; empty: there was none.
        @raise SharedFileError: the file can't be written.
        @raise ValueError: the token or the account is malformed.
        """
        assert self.binding
        # Both come from the server, and must be single words to fit in a line of the file.
        readToken(token)
        if len(token) != TOKEN_LENGTH or len(fold(account).split()) != 1:
            raise ValueError
        return self._replace(account, _Entry(self._address, fold(account), self.binding, token))

    def decline(self, account: str) -> None:
        """
        Save that no token is to be kept for this account.

        @raise SharedFileError: the file can't be written.
        """
        binding = self.binding or LOOPBACK
        self._replace(account, _Entry(self._address, fold(account), binding, _NEVER))

    def forget(self, account: str, token: str = "") -> str:
        """
        Remove the token of an account.

        @param token: remove only this one; empty: any.
        @return: the id of the removed token; empty: there was none.
        @raise SharedFileError: the file can't be written.
        """
        entry = self._read(account)
        # Without a change, a file that can't be written is no error.
        if entry is None or token not in ("", entry.token):
            return ""
        return self._replace(account, None, token)

    def _find(self, account: str) -> _Entry | None:
        try:
            return self._read(account)
        except SharedFileError as error:
            # Without a state folder nothing is kept, which is no error.
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
    # IDNA needs an extra, so two spellings of an international name have separate tokens.
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
            # The message must not contain any part of the token.
            raise ValueError("its token is not whole") from None
    return _Entry(address.lower(), fold(account), binding, token)
