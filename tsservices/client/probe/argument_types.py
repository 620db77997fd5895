"""The types of the probe's options: how their text is read, and the limits of their values."""

from __future__ import annotations

import argparse
import ipaddress
import re

from tsservices.client.argtypes import seconds
from tsservices.client.probe.options import MAXIMUM_SIZE
from tsservices.client.probe.source import Source, parseSource
from tsservices.stamp.service_class import parseDSCP

#: Seconds.  With shorter intervals a probe would measure its own load.
MINIMUM_INTERVAL = 0.0002

#: Packets.  With the shortest interval this takes six years.
MAXIMUM_COUNT = 10**12

#: Packets whose values C{-C} keeps until the end.
MAXIMUM_RAW_COUNT = 1_000_000


def packetSource(text: str) -> Source:
    """@raise argparse.ArgumentTypeError: the text is neither an address nor an interface."""
    try:
        return parseSource(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def resolveInterval(text: str) -> float:
    """@raise argparse.ArgumentTypeError: the text is no number of seconds from 0 on."""
    return 0.0 if text == "0" else seconds(text)


def packetCount(text: str) -> int:
    """@raise argparse.ArgumentTypeError: the text is no number of packets above 0."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 13 else 0
    if not 1 <= number <= MAXIMUM_COUNT:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of packets above 0")
    return number


def rawCount(text: str) -> int:
    """@raise argparse.ArgumentTypeError: the text is no number of packets, or too large."""
    number = packetCount(text)
    if number > MAXIMUM_RAW_COUNT:
        raise argparse.ArgumentTypeError(f"values of at most {MAXIMUM_RAW_COUNT} packets are kept")
    return number


def packetInterval(text: str) -> float:
    """@raise argparse.ArgumentTypeError: the text is no number of seconds, or too small."""
    span = seconds(text)
    if span < MINIMUM_INTERVAL:
        raise argparse.ArgumentTypeError(f"an interval is at least {MINIMUM_INTERVAL} s")
    return span


def packetSize(text: str) -> int:
    """@raise argparse.ArgumentTypeError: the text is no possible size of a datagram."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else -1
    if not 0 <= number <= MAXIMUM_SIZE:
        raise argparse.ArgumentTypeError(f"{text!r} is no size from 0 to {MAXIMUM_SIZE}")
    return number


def localAddress(text: str) -> str:
    """@raise argparse.ArgumentTypeError: the text is no IPv4 or IPv6 address."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no IPv4 or IPv6 address") from None
    return bare


def typeOfService(text: str) -> int:
    """@raise argparse.ArgumentTypeError: the text is no number of 8 bits."""
    known = re.fullmatch("[0-9]{1,3}|0[xX][0-9a-fA-F]{1,2}", text)
    try:
        number = int(text, 0) if known else -1
    except ValueError:
        # Leading zeros.
        number = -1
    if not 0 <= number <= 255:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 255, or 0x00 to 0xff")
    return number


def timeToLive(text: str) -> int:
    """@raise argparse.ArgumentTypeError: the text is no number from 1 to 255."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
    if not 1 <= number <= 255:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 255")
    return number


def dscp(text: str) -> int:
    """@raise argparse.ArgumentTypeError: the text is no DSCP."""
    try:
        return parseDSCP(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
