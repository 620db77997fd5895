"""The name and the configuration of a node."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from tsservices.cluster.broker import BrokerError
from tsservices.common.limits import Limits
from tsservices.common.plainfiles import openPlain
from tsservices.common.statedir import NODE_FILE, StateDirectory

_NAME = re.compile("[a-z0-9][a-z0-9-]{0,31}")

#: Characters of the machine's name in a generated name: enough to recognize the machine.
_HOST_LENGTH = 20


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """The configuration of a node."""

    name: str
    #: Returns a value that is unique among all starts of all nodes.
    makeIncarnation: Callable[[], str]
    limits: Limits
    #: Folded names of the accounts that may do anything; all nodes use the list of the node that
    #: started last.
    operators: frozenset[str] = frozenset()


def checkNodeName(value: object) -> str:
    """@raise ValueError: not a valid name of a node."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"a node's name is 1 to 32 of a-z, 0-9 and -, not {value!r}")
    return value


def storedNodeName(folder: StateDirectory, machine: str, suffix: Callable[[], str]) -> str:
    """
    Return the name of a node that has none configured: generated at its first start, and stored.

    @param machine: the name of the machine, where other nodes may run too.
    @raise BrokerError: the name can't be stored, or the stored name is invalid.
    """
    path = folder.path(NODE_FILE)
    try:
        with (
            contextlib.suppress(FileNotFoundError),
            open(openPlain(path, os.O_RDONLY), encoding="utf-8") as file,
        ):
            return checkNodeName(json.load(file))
        host = re.sub("[^a-z0-9]+", "-", machine.partition(".")[0].lower()).strip("-")
        name = f"{host[:_HOST_LENGTH] or 'node'}-{suffix()}"
        folder.write(path, name)
    except (OSError, ValueError) as reason:
        raise BrokerError(f"{path}: {reason}; --node NAME names this node") from reason
    return name
