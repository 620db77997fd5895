"""
What was done to people and rooms, told to the log: one line of JSON each.

The lines come under a name of their own, C{tsservices.audit}, so that they can be taken out of
the log by programs.  Accounts stand in them by name and addresses by their cloaks;
nothing in them is a password or what one could be guessed from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from twisted.logger import Logger

_LOG = Logger("tsservices.audit")


def audit(facts: Mapping[str, object]) -> None:
    """
    Tell the log of something that is stored.

    @param facts: what a batch has as one of its C{audits}.
    """
    # In ASCII: what people have written in it can't begin another line, or turn one.
    _LOG.info("{audit}", audit=json.dumps(dict(facts), default=str, separators=(",", ":")))
