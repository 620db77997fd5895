"""Tests for L{tsservices.transport.proxy_header}, against a reference that knows whole headers."""

from __future__ import annotations

import ipaddress
import re
import struct
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.examples import tried
from tsservices.transport.proxy_header import SIGNATURE, Endpoint, HeaderError, HeaderReader

#: Client and server that a header names, and what follows it; or why there are none.
Outcome = tuple[Endpoint, Endpoint, bytes] | str

BAD, MORE = "bad", "more"

LINE = re.compile(rb"PROXY (TCP[46]) ([^ ]+) ([^ ]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})", re.DOTALL)


def binary(command: int, kind: int, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return SIGNATURE + struct.pack("!BBH", command, kind, size) + body


FOUR = bytes([198, 51, 100, 7, 192, 0, 2, 1]) + struct.pack("!HH", 40_000, 80)
SIX = ipaddress.IPv6Address("2001:db8::7").packed * 2 + struct.pack("!HH", 1, 65_535)
PATHS = b"/run/a".ljust(108, b"\0") + b"\0abstract".ljust(108, b"\0")


def reference(data: bytes) -> Outcome:
    if data.startswith(SIGNATURE) and len(data) >= 16:
        return _binaryReference(data)
    line, ending, rest = data[:107].partition(b"\r\n")
    rest += data[107:]
    if ending and line.startswith(b"PROXY "):
        return _lineReference(line, rest)
    possible = SIGNATURE.startswith(data) or b"PROXY ".startswith(data[:6])
    return MORE if possible or data.startswith(SIGNATURE) else BAD


def _lineReference(line: bytes, rest: bytes) -> Outcome:
    if re.fullmatch(rb"PROXY UNKNOWN( .*)?", line, re.DOTALL):
        return None, None, rest
    match = LINE.fullmatch(line)
    if match is None:
        return BAD
    family, *words = match.groups()
    try:
        kind = ipaddress.IPv4Address if family == b"TCP4" else ipaddress.IPv6Address
        hosts = [kind(word.decode("ascii")) for word in words[:2]]
        ports = [int(word) for word in words[2:]]
    except ValueError:
        return BAD
    if b"%" in line or max(ports) > 65_535:
        return BAD
    return (_text(hosts[0]), ports[0]), (_text(hosts[1]), ports[1]), rest


def _binaryReference(data: bytes) -> Outcome:
    command, kind, length = data[12], data[13], int.from_bytes(data[14:16], "big")
    body, rest = data[16 : 16 + length], data[16 + length :]
    sizes = {0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16, 0x31: 108, 0x32: 108}
    unknown = command == 0x20 or kind in (0, 1, 2, 0x10, 0x20, 0x30)
    if command not in (0x20, 0x21) or not (unknown or kind in sizes):
        return BAD
    size = 0 if unknown else sizes[kind]
    if length < 2 * size + (4 if 0 < size < 100 else 0):
        return BAD
    if len(body) < length:
        return MORE
    if unknown:
        return None, None, rest
    both = body[:size], body[size : 2 * size]
    if size == 108:
        paths = [path.rstrip(b"\0") if path[:1] == b"\0" else path.split(b"\0")[0] for path in both]
        return paths[0], paths[1], rest
    hosts = [_text(ipaddress.ip_address(packed)) for packed in both]
    ports = struct.unpack_from("!HH", body, 2 * size)
    return (hosts[0], ports[0]), (hosts[1], ports[1]), rest


def _text(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    mapped = getattr(address, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped is not None else str(address)


def outcome(chunks: list[bytes]) -> Outcome:
    reader = HeaderReader()
    rest = None
    for number, chunk in enumerate(chunks):
        try:
            rest = reader.feed(chunk)
        except HeaderError:
            return BAD
        if rest is not None:
            return reader.client, reader.server, rest + b"".join(chunks[number + 1 :])
    return MORE


GOOD = [
    b"PROXY TCP4 198.51.100.7 192.0.2.1 40000 80\r\n",
    b"PROXY TCP6 2001:db8::7 ::1 65535 0\r\n",
    b"PROXY TCP6 ::ffff:192.0.2.1 0:0:0:0:0:0:0:1 1 2\r\n",
    b"PROXY UNKNOWN\r\n",
    b"PROXY UNKNOWN ffff:ff:\n:: \0 x x\r\n",
    b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n",
    binary(0x21, 0x11, FOUR),
    binary(0x21, 0x12, FOUR + b"\x03\0\x04TLVs"),
    binary(0x21, 0x21, SIX + bytes(70)),
    binary(0x21, 0x31, PATHS),
    binary(0x21, 0x00, b"whatever"),
    binary(0x20, 0xFF, b"whatever"),
    binary(0x20, 0x00, b""),
]

#: Extensions, and whether they say that the client speaks TLS.
EXTENSIONS = [
    (b"", False),
    (b"\x20\0\x05\x01\0\0\0\0", True),
    (b"\x20\0\x05\x00\0\0\0\0", False),
    (b"\x20\0\x05\x06\0\0\0\0", False),
    (b"\x02\0\x09localhost\x20\0\x0f\x07\0\0\0\0\x21\0\x07TLSv1.3\x04\0\0", True),
    (b"\x04\0\x08\x20\0\x05\x01\0\0\0\0", False),
    (b"\x20\0\0\x01", False),
    (b"\x20\0", False),
    (b"\x20\xff\xff\x01", True),
]

WRONG = [
    b"GET / HTTP/1.0\r\n\r\n",
    b"PROXY\r\n",
    b"PROXY \r\n",
    b"PROXYTCP4 1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY UNKNOWNX\r\n",
    b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP4\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 a b\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 99999 1\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 1\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 -1 1\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 01 1\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1_0 1\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 \xd9\xa1 1\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
    b"PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n",
    b"PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1\t2\r\n",
    b"PROXY TCP4 ::1 ::1 1 2\r\n",
    b"PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n\r\n",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n",
    b"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
    b" PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
    b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    binary(0x11, 0x11, FOUR),
    binary(0x22, 0x11, FOUR),
    binary(0x21, 0x41, FOUR),
    binary(0x21, 0x13, FOUR),
    binary(0x21, 0x11, FOUR[:-1]),
    binary(0x21, 0x21, FOUR),
    binary(0x21, 0x31, PATHS[:-1]),
    b"\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c" + FOUR,
]


@pytest.mark.parametrize("header", GOOD)
def test_good(header: bytes) -> None:
    """However it is cut; what follows is not touched."""
    expected = reference(header + b"rest\r\n")
    assert isinstance(expected, tuple)
    assert expected[2] == b"rest\r\n"
    assert outcome([header + b"rest\r\n"]) == expected
    for end in range(1, len(header)):
        assert outcome([header[:end], header[end:] + b"rest\r\n"]) == expected
        assert outcome([header[:end]]) == MORE
    assert outcome([bytes([byte]) for byte in header + b"rest\r\n"]) == expected


@pytest.mark.parametrize("header", WRONG)
def test_wrong(header: bytes) -> None:
    """Also cut, and as far as one can know."""
    assert outcome([header]) == BAD
    assert outcome([bytes([byte]) for byte in header]) == BAD


def test_named() -> None:
    assert outcome([GOOD[0]])[:2] == (("198.51.100.7", 40_000), ("192.0.2.1", 80))
    assert outcome([GOOD[2]])[:2] == (("::ffff:192.0.2.1", 1), ("::1", 2))
    assert outcome([binary(0x21, 0x31, PATHS)])[:2] == (b"/run/a", b"\0abstract")


def test_skippedWithoutKeeping() -> None:
    """TLVs of 64 KiB take no memory."""
    reader = HeaderReader()
    assert reader.feed(binary(0x21, 0x11, FOUR, 65_535)) is None
    for _ in range(65_535 - len(FOUR)):
        assert reader.feed(b"x") in (None, b"")
    assert len(reader._buffer) < 100
    assert reader.client == ("198.51.100.7", 40_000)


def mutations() -> st.SearchStrategy[bytes]:
    pieces = st.sampled_from(
        [*GOOD, *WRONG, b"PROXY ", b"TCP4 ", b"TCP6 ", b"::1 ", b"1.1.1.1 ", b"80", b"\r\n", b"\n"]
    )
    joined = st.lists(pieces | st.binary(max_size=4), max_size=4).map(b"".join)

    def mutate(arguments: tuple[bytes, int, bytes, int]) -> bytes:
        header, place, inserted, removed = arguments
        place %= len(header) + 1
        return header[:place] + inserted + header[place + removed :]

    changed = st.tuples(
        st.sampled_from([*GOOD, *WRONG]),
        st.integers(0, 300),
        st.binary(max_size=2) | st.sampled_from([b" ", b"0", b"1", b"\r", b":", b"."]),
        st.integers(0, 2),
    ).map(mutate)
    return joined | changed


@settings(max_examples=tried(300))
@given(mutations(), st.lists(st.integers(0, 300), max_size=3))
@example(b"PROXY UNKNOWN a\nb", [])
def test_fuzzed(data: bytes, cuts: list[int]) -> None:
    expected = reference(data)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(places)]
    found = outcome([chunk for chunk in chunks if chunk])
    if expected == MORE:
        # Some headers are known to be wrong before they are complete.
        assert found == MORE or outcome([data]) == BAD
    else:
        assert found == expected


@pytest.mark.parametrize(("extensions", "expected"), EXTENSIONS)
def test_clientTLS(extensions: bytes, expected: bool) -> None:
    """It is found however it is cut, and a connection of the proxy's own has none."""
    for command, wanted in ((0x21, expected), (0x20, False)):
        header = binary(command, 0x11, FOUR + extensions)
        whole, cut = HeaderReader(), HeaderReader()
        assert whole.feed(header + b"\x20\0\x05\x01") == b"\x20\0\x05\x01"
        for byte in header:
            last = cut.feed(bytes([byte]))
        assert last == b""
        assert (whole.clientTLS, cut.clientTLS) == (wanted, wanted)
