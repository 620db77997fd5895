"""Tests for L{tsservices.frontends.line.telnet}."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from tsservices.frontends.line.telnet import SUBNEGOTIATION, TelnetFilter, edit

#: What makes the filter do something, and what is about it.
PIECES = st.sampled_from(
    [
        *(bytes([byte]) for byte in b"ab\r\n\0\xff\xf0\xfa\xfb\xf7\xf1"),
        b"\r\n",
        b"\r\0",
        b"\xff\xff",
        b"\xff\xfb\x01",
        b"\xff\xfa\x18\x00xterm\xff\xf0",
        b"x" * (SUBNEGOTIATION - 3),
    ]
)


def filtered(*chunks: bytes) -> bytes:
    feed = TelnetFilter().feed
    return b"".join([feed(chunk) for chunk in chunks])


class TestTelnetFilter:
    @given(st.lists(PIECES, max_size=30).map(b"".join), st.lists(st.integers(0, 1200)))
    @example(b"\xff\xfa" + b"x" * SUBNEGOTIATION + b"\xff\xf0", [SUBNEGOTIATION + 2])
    @example(b"\xff\xfa" + b"x" * (SUBNEGOTIATION - 1) + b"\xff\xf0!", [SUBNEGOTIATION + 2])
    def test_anyCut(self, data: bytes, cuts: list[int]) -> None:
        places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        chunks = [data[a:b] for a, b in pairwise(places)]
        whole = filtered(data)
        assert filtered(*chunks) == whole
        assert filtered(*(bytes([byte]) for byte in data)) == whole

    def test_telnetIsRecognized(self) -> None:
        for data, telnet in (
            (b"ann\n", False),
            (b"a\rb\n", False),
            ("ÿ\n".encode(), False),
            ("ÿ".encode("latin-1") + b"\n", False),
            (b"ann\r\n", True),
            (b"ann\r\0", True),
            (b"\xff\xfd\x01ann\n", True),
        ):
            for chunks in ([data], [bytes([byte]) for byte in data]):
                known = TelnetFilter()
                for chunk in chunks:
                    known.feed(chunk)
                assert known.telnet == telnet, data

    @given(st.binary(max_size=60).map(lambda data: data.replace(b"\r", b"\n")))
    def test_escapedByteStays(self, data: bytes) -> None:
        assert filtered(data.replace(b"\xff", b"\xff\xff")) == data

    def test_plainDataIsUnchanged(self) -> None:
        data = "hello\n服务器\n".encode()
        assert TelnetFilter().feed(data) is data

    def test_commands(self) -> None:
        for command, left in (
            (b"\xff\xf1", b""),  # NOP
            (b"\xff\xf6", b""),  # AYT
            (b"\xff\xf9", b""),  # GA
            (b"\xff\xec", b""),  # EOF
            (b"\xff\xf0", b""),  # SE without SB
            (b"\xff\xfb\x01", b""),  # WILL
            (b"\xff\xfc\xff", b""),  # WONT, of option 255
            (b"\xff\xfd\n", b""),  # DO, of option 10
            (b"\xff\xfe\r", b""),  # DONT, of option 13
            (b"\xff\xfa\x18\x00xterm\xff\xf0", b""),
            (b"\xff\xfa\xff\xff\xf0\r\n\xff\xf0", b""),  # an escaped 0xff inside
            (b"\xff\xfa\x1f\x00\xff\x00\x18\xff\xf0", b""),  # one that should be escaped
            (b"\xff\xfa\x1f\x00P\xff\xfb\x18", b""),  # without an end
            (b"\xff\xfa\x18\x00xterm\xff\xfa\x18\xff\xf0", b""),
            (b"\xff\xf7", b"\x08"),  # EC
            (b"\xff\xf8", b"\x15"),  # EL
            (b"\xff\xff", b"\xff"),
        ):
            assert filtered(b"a" + command + b"b\n") == b"a" + left + b"b\n", command

    def test_noCommand(self) -> None:
        """0xff from a program without telnet does not take the line's end with it."""
        assert filtered(b"\xff\n\xffa\r\n") == b"\xff\n\xffa\n"

    def test_lineEndings(self) -> None:
        for stream, ends in (
            (b"a\r\nb\r\0c\nd\re\n\rf", b"a\nb\nc\nd\ne\nf"),
            (b"\r\ra", b"\n\na"),
            (b"a\r\r\nb\r\r\r\n", b"a\nb\n\n"),
            (b"\n\r\0a\n\r\0\0", b"\na\n\0"),
            (b"\n\n", b"\n\n"),
            (b"\r\n\r\n", b"\n\n"),
            (b"\n\r\n\r", b"\n\n"),
            (b"\n\r\n", b"\n\n"),
            (b"\r\r\n\n", b"\n\n"),
            (b"\r\0\r\0\0", b"\n\n\0"),
            (b"\n\0", b"\n\0"),
        ):
            assert filtered(stream) == ends

    def test_endIsKnownAtItsFirstByte(self) -> None:
        telnet = TelnetFilter()
        assert [telnet.feed(bytes([byte])) for byte in b"a\r\nb\n\rc\r\0"] == [
            *[b"a", b"\n", b"", b"b", b"\n", b"", b"c", b"\n", b""]
        ]

    def test_commandInsideLineEnding(self) -> None:
        assert filtered(b"a\r\xff", b"\xf1", b"\nb") == b"a\nb"

    def test_endlessSubnegotiation(self) -> None:
        telnet = TelnetFilter()
        came = telnet.feed(b"\xff\xfa")
        for _ in range(SUBNEGOTIATION - 1):
            came += telnet.feed(b"x")
        assert came == b""
        assert telnet.feed(b"xhello\n") == b"hello\n"
        assert telnet._command == b""
        longest = b"\xff\xfa" + b"x" * (SUBNEGOTIATION - 1) + b"\xff\xf0"
        assert filtered(longest + b"ok") == b"ok"
        assert filtered(b"\xff\xfa" + b"\xff\xff" * SUBNEGOTIATION + b"ok") == b"ok"


def typed(text: str) -> str:
    left: list[str] = []
    for character in text:
        if character in "\x08\x7f":
            del left[-1:]
        elif character == "\x15":
            left.clear()
        elif character == "\x17":
            while left[-1:] == [" "]:
                left.pop()
            while left and left[-1] != " ":
                left.pop()
        else:
            left.append(character)
    return "".join(left)


class TestEdit:
    @given(st.text(st.sampled_from("ab é\u0301服👩\u200d\x08\x08\x7f\x15\x17\0\t")))
    def test_editingKeys(self, text: str) -> None:
        assert edit(text.encode()).decode() == typed(text)

    @given(st.binary(max_size=30))
    def test_notUTF8(self, line: bytes) -> None:
        assert edit(line + b"\xff\x80\x80\x80\x80" + b"\x7f" * 5) == edit(line)

    def test_lineWithoutKeys(self) -> None:
        line = "hello 服务器\t\0\x1b[A".encode()
        assert edit(line) is line

    def test_combiningCharacters(self) -> None:
        assert edit("\x08e\u0301\x7f".encode()) == b"e"
        assert edit("ne服\x08o".encode()) == b"neo"
        assert edit(b"one two  \x17three") == b"one three"
        assert edit(b"wrong\x15right") == b"right"
