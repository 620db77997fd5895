"""
Pieces of the sentences in which people are told things.  Pure.
"""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """
    @param number: of things.
    @param noun: what one is called.
    @return: both together.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def people(number: int) -> str:
    """
    @param number: of people.
    @return: that, in words.
    """
    return "1 person" if number == 1 else f"{number} people"


def reason(why: str) -> str:
    """
    @param why: somebody left, or nothing.
    @return: the same as the end of a line.
    """
    return f" ({why})" if why else ""


def noLongerKept(first: int, last: int) -> str:
    """
    @param first: the first number.
    @param last: the last number.
    @return: that these lines are gone.
    """
    if first == last:
        return f"line {first} is no longer kept"
    return f"lines {first} to {last} are no longer kept"
