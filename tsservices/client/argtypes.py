"""Argument types of the clients' command lines."""

from __future__ import annotations

import argparse
import math
import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def hostName(text: str) -> str:
    """
    Parse a host name or an address; brackets around an IPv6 address are removed.

    @raise argparse.ArgumentTypeError: the text is neither.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not bare or bare.split() != [bare] or _CONTROL.search(bare):
        raise argparse.ArgumentTypeError(f"{text!r} is no host name or address")
    return bare


def portNumber(text: str) -> int:
    """
    Parse a number from 1 to 65535.

    @raise argparse.ArgumentTypeError: the text is not one.
    """
    # The length is limited because int() raises for thousands of digits.
    port = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 1 to 65535")
    return port


def seconds(text: str) -> float:
    """
    Parse a number of seconds above 0 and up to a day, with or without a fraction.

    @raise argparse.ArgumentTypeError: the text is not one.
    """
    try:
        # To Python a mistyped 1_5 is 15.
        span = float(text) if re.fullmatch("[0-9.eE+-]+", text) else math.nan
    except ValueError:
        span = math.nan
    if not 0 < span <= 86400:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of seconds above 0 and up to 86400"
        )
    return span


def repeats(text: str) -> int:
    """
    Parse a number of retries from 0 to 100.

    @raise argparse.ArgumentTypeError: the text is not one.
    """
    count = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else -1
    if not 0 <= count <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 100")
    return count
