"""
The header of the PROXY protocol, by its specification of 2020.  Pure.

A proxy sends the header first, to name the client whose connection it forwards.  It is a line of
text (version 1) or binary (version 2); both are parsed, in segments of any length.

Twisted's parsers are not used: they accept any text as an address and any number as a port, raise
internal errors, and do not detect a header that ends in the middle.
"""

from __future__ import annotations

import re
import socket
import struct
from typing import Final

#: The first bytes of a header of version 2.
SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"

#: The longest line of version 1, with its CR LF.
LONGEST_LINE: Final = 107

#: The client or the server in a header: host and port, the path of a UNIX socket, or L{None} if the
#: header does not name it.
Endpoint = tuple[str, int] | bytes | None

_PROXY = b"PROXY "
_UNKNOWN = b"PROXY UNKNOWN"
_FAMILIES = {b"TCP4": socket.AF_INET, b"TCP6": socket.AF_INET6}

# No leading zeros: they could be read as octal.
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")
_IPV4 = re.compile(rb"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")

#: Signature, version and command, family and protocol, length of what follows.
_FIXED = struct.Struct("!12sBBH")
_LOCAL, _PROXIED = 0x20, 0x21
_HIGHEST_FAMILY, _HIGHEST_PROTOCOL = 3, 2

#: The addresses, by the family: source, destination, and the two ports except for UNIX sockets.
_ADDRESSES = {
    1: struct.Struct("!4s4sHH"),
    2: struct.Struct("!16s16sHH"),
    3: struct.Struct("108s108s"),
}

# The extension of version 2 about the client's TLS: type and length, and then a byte with this bit
# if the client uses TLS.
_EXTENSION_SSL = 0x20
_CLIENT_SSL = 0x01
_EXTENSION_HEAD = 3

_VERSION = {1: socket.AF_INET, 2: socket.AF_INET6}


class HeaderError(ValueError):
    """The bytes can't be the beginning of a header.  The argument is the reason."""


class HeaderReader:
    """
    The parser of the header of one connection.

    @ivar begun: whether a byte of the header has been received.
    @ivar client: the client of the proxy; L{None} if it is not known, or if the connection is the
        proxy's own.
    @ivar server: the address to which the client has connected.
    @ivar clientTLS: whether the client speaks TLS to the proxy, if the header says so.
    @ivar _skip: the number of bytes of a header of version 2 that are still to be skipped.
    """

    def __init__(self) -> None:
        self.client: Endpoint = None
        self.server: Endpoint = None
        self.clientTLS = False
        self._buffer = b""
        self._skip: int | None = None
        # For the extensions: whether they are parsed, the head of the next one, and how many bytes
        # of the last one are to be skipped.
        self._extended = False
        self._head = b""
        self._passing = 0

    @property
    def begun(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> bytes | None:
        """
        Parse received data.

        @return: the data after the header; L{None}: the header is not complete.
        @raise HeaderError: this is no header.
        """
        if self._skip is None:
            data = self._buffer = self._buffer + data
            if data[:1] == SIGNATURE[:1]:
                return self._readBinary(data)
            return self._readLine(data)
        return self._skipRest(data)

    def _readLine(self, data: bytes) -> bytes | None:
        if data[: len(_PROXY)] != _PROXY[: len(data)]:
            raise HeaderError("it begins with something else")
        end = data.find(b"\r\n", 0, LONGEST_LINE)
        if end >= 0:
            self._parseLine(data[:end])
            return data[end + 2 :]
        if len(data) >= LONGEST_LINE:
            raise HeaderError(f"a line of more than {LONGEST_LINE} bytes")
        if b"\n" in data and not data.startswith(_UNKNOWN + b" "):
            raise HeaderError("a line that does not end with CR LF")
        return None

    def _parseLine(self, line: bytes) -> None:
        # The rest of a line with UNKNOWN has to be ignored.
        if line == _UNKNOWN or line.startswith(_UNKNOWN + b" "):
            return
        words = line.split(b" ")
        family = _FAMILIES.get(words[1])
        if family is None:
            raise HeaderError("a family that there is not")
        if len(words) != 6:
            raise HeaderError("a line that has not six words")
        _, _, source, destination, sourcePort, destinationPort = words
        self.client = _host(family, source), _port(sourcePort)
        self.server = _host(family, destination), _port(destinationPort)

    def _readBinary(self, data: bytes) -> bytes | None:
        if data[: len(SIGNATURE)] != SIGNATURE[: len(data)]:
            raise HeaderError("it begins with something else")
        if len(data) < _FIXED.size:
            # Checked before the header is complete, so that a wrong one is rejected at once.
            if len(data) > len(SIGNATURE):
                _checkCommand(data[len(SIGNATURE)])
            return None
        _, command, kind, length = _FIXED.unpack_from(data)
        _checkCommand(command)
        form = None
        # With LOCAL the rest has to be ignored, the family too.
        if command == _PROXIED:
            form = self._checkKind(kind, length)
        needed = _FIXED.size + (form.size if form is not None else 0)
        if len(data) < needed:
            return None
        if form is not None:
            self._takeAddresses(kind >> 4, form.unpack_from(data, _FIXED.size))
            self._extended = True
        self._skip = _FIXED.size + length - needed
        # The extensions are not kept: they may be 64 KiB.
        self._buffer = data[:needed]
        return self._skipRest(data[needed:])

    def _checkKind(self, kind: int, length: int) -> struct.Struct | None:
        family, protocol = kind >> 4, kind & 15
        if family > _HIGHEST_FAMILY or protocol > _HIGHEST_PROTOCOL:
            raise HeaderError("a family or a protocol that there is not")
        if not family or not protocol:
            # Unspecified: the addresses of the socket are used.
            return None
        form = _ADDRESSES[family]
        if length < form.size:
            raise HeaderError("too short for its addresses")
        return form

    def _takeAddresses(self, family: int, fields: tuple[bytes | int, ...]) -> None:
        source, destination, *ports = fields
        assert isinstance(source, bytes)
        assert isinstance(destination, bytes)
        if not ports:
            self.client, self.server = _path(source), _path(destination)
            return
        version = _VERSION[family]
        self.client = socket.inet_ntop(version, source), int(ports[0])
        self.server = socket.inet_ntop(version, destination), int(ports[1])

    def _skipRest(self, data: bytes) -> bytes | None:
        assert self._skip is not None
        if self._extended:
            self._scan(data[: self._skip])
        if len(data) < self._skip:
            self._skip -= len(data)
            return None
        rest, self._skip = data[self._skip :], 0
        return rest

    def _scan(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._passing:
                step = min(self._passing, len(data) - at)
                self._passing -= step
                at += step
                continue
            self._head += data[at : at + 1]
            at += 1
            if len(self._head) < _EXTENSION_HEAD:
                continue
            length = int.from_bytes(self._head[1:3], "big")
            if self._head[0] == _EXTENSION_SSL and length:
                if len(self._head) == _EXTENSION_HEAD:
                    continue
                self.clientTLS = bool(self._head[-1] & _CLIENT_SSL)
                length -= 1
            self._head, self._passing = b"", length


def _checkCommand(command: int) -> None:
    if command not in (_LOCAL, _PROXIED):
        raise HeaderError("a version or a command that there is not")


def _host(family: int, word: bytes) -> str:
    # In the canonical form, so that each client has one address however a proxy writes it.
    if family == socket.AF_INET and not _IPV4.fullmatch(word):
        raise HeaderError("an address that is none of its family")
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, word.decode("ascii")))
    except (OSError, ValueError) as reason:
        raise HeaderError("an address that is none of its family") from reason


def _port(word: bytes) -> int:
    if not _PORT.fullmatch(word) or int(word) > 65_535:
        raise HeaderError("a port that is none")
    return int(word)


def _path(field: bytes) -> bytes:
    # A path that begins with NUL is a name outside the file system.
    return field.rstrip(b"\0") if field.startswith(b"\0") else field.partition(b"\0")[0]
