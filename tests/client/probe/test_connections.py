"""Tests for the hosts of a run."""

from __future__ import annotations

from random import Random

import pytest

from tests.support.epoll import ManualReactor
from tsservices.client.cli import parseArguments
from tsservices.client.probe.connections import createTransport
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.wires.base import Clocks


@pytest.mark.parametrize("words", ["", "--udp", "--tcp", "--icmp"])
def test_transportOfAHostWithoutAnAddress(words: str) -> None:
    """A report has the protocol and the size also of a host whose name is unknown."""
    options = parseArguments(["probe", *words.split(), "h"])
    assert isinstance(options, ProbeOptions)
    reactor = ManualReactor()
    transport = createTransport("", reactor, Clocks(), options, Random(1))  # type: ignore[arg-type]
    assert transport.size > 0
    assert transport.label
    assert (transport.overflowed(), transport.pathMTU()) == (0, None)
    transport.close()
