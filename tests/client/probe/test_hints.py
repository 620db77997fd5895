"""Tests for L{tsservices.client.probe.reports.hints}."""

from __future__ import annotations

import dataclasses
import json

import pytest
from twisted.internet.task import Clock

from tests.support.probe import RecordingListener, Streams, clocksOf, targetOn
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.hints import hintTexts
from tsservices.client.probe.reports.json_csv import JSONReport
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.result import ProbeState

OPTIONS = ProbeOptions(("h",), interval=0.01)


def targetAfter(packets: str, size: int = 64) -> ProbeTarget:
    # What became of each packet: + answered, - lost, r refused, l late.
    clock = Clock()
    target, transport = targetOn(clock, RecordingListener())
    transport.size = size
    for sequence, became in enumerate(packets):
        target.sendNext(0, 0)
        if became == "r":
            transport.fail(sequence, ProbeState.REFUSED, "refused")
        elif became != "+":
            transport.fail(sequence, ProbeState.TIMEOUT, "lost")
        if became in "+l":
            transport.reply(sequence)
        clock.advance(0.01)
    return target


def hintsOf(target: ProbeTarget, options: ProbeOptions = OPTIONS, **changed: object) -> str:
    return "\n".join(hintTexts(target, dataclasses.replace(options, **changed)))  # type: ignore[arg-type]


@pytest.mark.parametrize("packets", ["", "+++", "--", "rrrr", "---r", "-+-+-", "+" * 90 + "-"])
def test_none(packets: str) -> None:
    assert hintsOf(targetAfter(packets)) == ""


@pytest.mark.parametrize(
    ("size", "protocol", "text"),
    [
        (9001, "stamp", "packets of 9001 bytes; a server of this suite answers up to 9000"),
        (9000, "stamp", "packets of 9000 bytes: try a smaller -s"),
        (64, "stamp", "a server that wants --key is as silent"),
        (64, "udp", ""),
    ],
)
def test_silence(size: int, protocol: str, text: str) -> None:
    hints = hintsOf(targetAfter("----", size), protocol=protocol)
    assert text in hints
    assert bool(hints) is bool(text)


def test_keys() -> None:
    target = targetAfter("---")
    assert "wants another key, or none" in hintsOf(target, key=b"k")
    target.unmatched()
    assert "does not fit to this key" in hintsOf(target, key=b"k")


@pytest.mark.parametrize(
    ("protocol", "text"), [("stamp", "at this port"), ("icmp", "from another address")]
)
def test_noReplies(protocol: str, text: str) -> None:
    """Who answers is not silent, and has no other key."""
    target = targetAfter("----")
    target.unmatched()
    hints = hintsOf(target, protocol=protocol)
    assert text in hints
    assert "silent" not in hints


def test_late() -> None:
    assert hintsOf(targetAfter("lll")) == ("replies came later than 1 s: a longer -W counts them")


def test_forPrograms() -> None:
    streams = Streams()
    target = targetAfter("---", 9001)
    JSONReport(streams.output(), clocksOf(Clock()), OPTIONS).summary([target])
    assert json.loads(streams.out.getvalue())["hints"] == hintTexts(target, OPTIONS) != []


def test_ownLimits() -> None:
    limited = targetAfter("+" * 20 + "-" * 80)
    assert "20 packets a second were sent; a server of this suite answers 5" in hintsOf(
        limited, protocol="udp", interval=0.05
    )
    assert hintsOf(limited, protocol="udp", interval=0.2) == ""
    assert hintsOf(limited, protocol="tcp", interval=0.05) == ""
    assert hintsOf(limited, protocol="icmp", interval=0.05) == ""


def test_regular() -> None:
    assert hintsOf(targetAfter("+--" * 60)) == (
        "regular loss, about 33.3 packets a second pass: perhaps a rate limit"
    )


def test_regularUp() -> None:
    clock = Clock()
    target, transport = targetOn(clock, RecordingListener())
    for sequence in range(180):
        target.sendNext(0, 0)
        if sequence % 3:
            transport.fail(sequence, ProbeState.TIMEOUT, "lost")
        else:
            transport.reply(sequence, number=sequence // 3)
    assert "regular loss on the way there" in hintsOf(target)
