"""Tests for L{tsservices.frontends.irc.input}: chunks that are taken in one step."""

from __future__ import annotations

import pytest

from tests.support.irc_clients import IRCFrontendCase
from tsservices.frontends.irc.input import IRCInput

TEA = "PRIVMSG #tea :"


def taken(*chunks: str) -> list[tuple[str, tuple[str, ...]] | None]:
    source = IRCInput(None, lambda: 0.0)
    return [source.takeTalk(chunk.encode("utf-8", "surrogateescape")) for chunk in chunks]


@pytest.mark.parametrize(
    ("chunk", "texts"),
    [
        (f"{TEA}one\r\n", ("one",)),
        (f"{TEA}ünï :x\r\n{TEA}two\r\n", ("ünï :x", "two")),
        (f"{TEA}{TEA}\r\n", (TEA,)),
        (f"{TEA}\r\n", None),
        (f"{TEA}one\r\n{TEA}\r\n", None),
        (f"{TEA}one\n", None),
        (f"{TEA}one", None),
        (f"{TEA}one\r\nPRIVMSG #b :two\r\n", None),
        (f"{TEA}one\r\nPING :two\r\n", None),
        (f"{TEA}\x01ACTION x\x01\r\n", None),
        # ergochat/ergo#610: a program may take the carriage return for the end of the line.
        (f"{TEA}a\r:bob PRIVMSG #tea :b\r\n", None),
        (f"{TEA}one\r\n{TEA}a\r:bob PRIVMSG #tea :b\r\n", None),
        (f"{TEA}\udcff\r\n", None),
        ("PRIVMSG #\udcff :x\r\n", None),
        ("PRIVMSG #tea\r\nPING :x\r\n", None),
        ("PRIVMSG #tea,#b :x\r\n", None),
        ("PRIVMSG #tea b :x\r\n", None),
        ("\r\none\r\n", None),
        ("\r\n", None),
        ("", None),
    ],
)
def test_sameWhateverWasBefore(chunk: str, texts: tuple[str, ...] | None) -> None:
    wanted = None if texts is None else ("#tea", texts)
    assert taken(chunk) == [wanted]
    assert taken(f"{TEA}x\r\n", chunk)[1:] == [wanted]
    assert taken("PRIVMSG #other :x\r\n", chunk, f"{TEA}y\r\n")[1:] == [wanted, ("#tea", ("y",))]


class InputTests(IRCFrontendCase):
    def test_messageWithoutTextBeforeAnother(self) -> None:
        # The text of the second line is not that of the first one.
        ann = self.join("ann", "#tea")
        self.assertEqual(
            ann.say("PRIVMSG #tea\r\nPING :x"),
            [":irc.local 412 ann :No text to send", ":irc.local PONG irc.local :x"],
        )
