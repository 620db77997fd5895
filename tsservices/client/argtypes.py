"""
How single values of the command line are read.
"""

from __future__ import annotations

import argparse
import math


def hostName(text: str) -> str:
    """
    Read a HOST argument.

    @raise argparse.ArgumentTypeError: when nothing is left.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not bare or bare.split() != [bare]:
        raise argparse.ArgumentTypeError(f"{text!r} is no host name or address")
    return bare


def portNumber(text: str) -> int:
    """
    Read a port number.

    @raise argparse.ArgumentTypeError: when it is none from 1 to 65535.
    """
    port = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 1 to 65535")
    return port


def seconds(text: str) -> float:
    """
    Read a span of time.

    @param text: a number of seconds, with or without a fraction.
    @return: the span in seconds.
    @raise argparse.ArgumentTypeError: when it is none above 0 and up to a day.
    """
    try:
        span = float(text)
    except ValueError:
        span = math.nan
    if not 0 < span <= 86400:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of seconds above 0 and up to 86400"
        )
    return span


def repeats(text: str) -> int:
    """
    Read a number of retries.

    @raise argparse.ArgumentTypeError: when it is none from 0 to 100.
    """
    count = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else -1
    if not 0 <= count <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 100")
    return count
