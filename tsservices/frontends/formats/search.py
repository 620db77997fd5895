"""The arguments of C{/search}, which the line frontend reads and the client writes.  Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tsservices.common.durations import parseDate
from tsservices.common.timestamps import NANOSECONDS

#: A filter, a phrase or a word.
TERM = re.compile(r'(from|since|before):(\S+)|"([^"]*)"?|(\S+)')

#: The filters that take a time, and whether an ambiguous local time means the later one: no line
#: of the requested time may be missing.
TIMES = {"since": False, "before": True}


def withOffsets(arguments: str) -> str:
    """
    Convert local times in the arguments to UTC: the server may be in another zone.

    Durations and invalid times stay unchanged.
    """
    return TERM.sub(_withOffset, arguments)


def _withOffset(term: re.Match[str]) -> str:
    name, text = term[1], term[2]
    if name in TIMES:
        try:
            seconds, rest = divmod(parseDate(text, TIMES[name]), NANOSECONDS)
        except ValueError:
            return term[0]
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{name}:{moment}{f'.{rest:09d}' if rest else ''}Z"
    return term[0]
