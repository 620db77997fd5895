"""
The stream of a cluster: found or created when a node opens it, and checked for changes while the
node reads it.

The identity of the cluster is in the stream's metadata, so it is deleted and restored with the
stream.
"""

from __future__ import annotations

import re

from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from tsservices.chat.storage import SECRET_BYTES
from tsservices.cluster.broker import BrokerError, ClusterIdentity, StreamState
from tsservices.cluster.messages import MESSAGE_BYTES
from tsservices.cluster.nats.config import JetStreamConfig

#: Seconds that the stream keeps messages.  A node that was away for less can continue with its own
#: database.
STREAM_SECONDS = 7 * 24 * 3600.0

#: The version of the metadata.
_FORM = "1"

_PREFIX = "tsservices-"

_KEYS = ("epoch", "log", "base", "secret")

#: The server's error code for a stream of the same name with another configuration.
_NAME_IN_USE = 10058

#: Error codes of servers that have not found each other yet, or lack a resource.
_NOT_READY_CODES = {10002, 10003, 10005, 10008, 10009, 10023, 10028, 10039, 10047, 10076}

#: How often in a row a fault has to be seen: a server that has just started may know less.
_STRIKES = 3

_MISSING = "missing"


class NotReady(BrokerError):
    """The servers are not ready: usually for a short time after their start, rarely for ever."""


def encodeIdentity(identity: ClusterIdentity) -> dict[str, str]:
    """Return the metadata for the stream."""
    return {
        _PREFIX + "form": _FORM,
        _PREFIX + "epoch": identity.epoch,
        _PREFIX + "log": identity.log,
        _PREFIX + "base": str(identity.baseSequence),
        _PREFIX + "secret": identity.cloakKey.hex(),
    }


def decodeIdentity(name: str, metadata: dict[str, str] | None) -> ClusterIdentity:
    """
    Return the identity in the metadata of a stream.

    @raise BrokerError: there is no valid one.
    """
    values = metadata or {}
    form = values.get(_PREFIX + "form")
    if form is None:
        raise BrokerError(f"the stream {name} was not made by tsservices: it is left alone")
    if form != _FORM:
        raise BrokerError(f"the stream {name} was made by a newer version of tsservices")
    epoch, log, base, secret = (values.get(_PREFIX + key, "") for key in _KEYS)
    if (
        not epoch
        or not log
        or not re.fullmatch("[0-9]{1,18}", base)
        or not re.fullmatch(f"[0-9a-f]{{{2 * SECRET_BYTES}}}", secret)
    ):
        raise BrokerError(f"what tsservices wrote down with the stream {name} was changed")
    return ClusterIdentity(epoch, log, int(base), bytes.fromhex(secret))


def _checkedIdentity(config: JetStreamConfig, info: StreamInfo) -> ClusterIdentity:
    name, stream = config.stream, info.config
    identity = decodeIdentity(name, stream.metadata)
    # The stream may have been changed since, with the tools of NATS.
    faults = {
        f"has other subjects than {config.subject}": stream.subjects != [config.subject],
        "is not kept in files": stream.storage != StorageType.FILE,
        "throws old messages away for new ones": stream.discard != DiscardPolicy.NEW,
        "takes small messages only": 0 < (stream.max_msg_size or -1) < MESSAGE_BYTES,
        "keeps a few messages only": (stream.max_msgs_per_subject or -1) > 0,
        "does not say what it has taken": stream.no_ack,
        "takes no messages any more": stream.sealed,
        "is a copy of others": bool(stream.mirror or stream.sources),
        "changes subjects": stream.subject_transform is not None,
    }
    for fault, isSo in faults.items():
        if isSo:
            raise BrokerError(f"the stream {name} can't be used: it {fault}")
    return identity


async def findOrCreate(
    jetstream: JetStreamContext, config: JetStreamConfig, wanted: ClusterIdentity | None
) -> tuple[StreamState, StreamInfo]:
    """
    Find the stream, or create it.

    @param wanted: the identity of a new stream; L{None}: the stream has to exist.
    @raise NotReady: the servers may need some time.
    @raise BrokerError: the stream can't be used.
    @raise nats.errors.Error: there is no answer.
    """
    created = False
    try:
        try:
            info = await jetstream.stream_info(config.stream)
        except NotFoundError as error:
            if wanted is None:
                raise BrokerError(f"there is no stream {config.stream}: it was deleted") from error
            info, created = await _create(jetstream, config, wanted)
    except ServiceUnavailableError as error:
        raise NotReady("the servers have no JetStream, or no leader of it") from error
    except APIError as error:
        text = f"the stream {config.stream}: {error.description or error}"
        if error.err_code in _NOT_READY_CODES:
            raise NotReady(text) from error
        raise BrokerError(text) from error
    identity = _checkedIdentity(config, info)
    # If several nodes try at once, the stream was created by the node whose identity it has.
    created = created and identity == wanted
    state = info.state
    return StreamState(identity, state.first_seq or 1, state.last_seq, created), info


async def _create(
    jetstream: JetStreamContext, config: JetStreamConfig, wanted: ClusterIdentity
) -> tuple[StreamInfo, bool]:
    stream = StreamConfig(
        name=config.stream,
        description="what is said in the chat",
        subjects=[config.subject],
        max_age=STREAM_SECONDS,
        # A full stream refuses new messages; by default it would delete old ones that nodes need.
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        num_replicas=config.replicas,
        allow_direct=True,
        metadata=encodeIdentity(wanted),
    )
    try:
        return await jetstream.add_stream(stream), True
    except APIError as error:
        if error.err_code != _NAME_IN_USE:
            raise
    except (Error, TimeoutError):
        # The stream may have been created nevertheless.
        return await jetstream.stream_info(config.stream), True
    return await jetstream.stream_info(config.stream), False


class StreamCheck:
    """
    Compares a stream with its state when the node opened it.

    @ivar reason: why the stream can't be read any more; empty: it can be read.
    """

    def __init__(self, name: str, known: StreamInfo) -> None:
        """@raise BrokerError: the stream was not made by tsservices."""
        self._name = name
        self._epoch = decodeIdentity(name, known.config.metadata).epoch
        self._created = known.created
        self._strikes: dict[str, int] = {}
        self.reason = ""

    @property
    def bad(self) -> bool:
        """Whether the last check found a fault."""
        return bool(self._strikes or self.reason)

    @property
    def maySubscribe(self) -> bool:
        """Whether messages may be requested."""
        # Also when a message seems to be missing: only another request shows whether it is.
        return not self.reason and self._strikes.keys() <= {_MISSING}

    def streamMissing(self) -> None:
        self._strike("gone", True, "was deleted")

    def streamSeen(self, info: StreamInfo, wanted: int, moved: bool) -> None:
        """
        @param wanted: the number of the next message when the state was requested.
        @param moved: messages have arrived since then.
        """
        self._strike("gone", False, "")
        try:
            epoch = decodeIdentity(self._name, info.config.metadata).epoch
        except BrokerError as error:
            self.reason = str(error)
            return
        first, last = info.state.first_seq, info.state.last_seq
        if epoch != self._epoch:
            self._end("was made anew")
        elif info.created != self._created:
            self._end("was restored from a copy")
        self._strike(
            "short",
            last < wanted - 1,
            f"ends at {last}, where {wanted - 1} was there already: it was restored from an"
            " old copy, or lost what it had",
        )
        self._strike(
            "pruned",
            first > wanted and not moved,
            f"begins at {first}, and {wanted} is still needed",
        )

    @staticmethod
    def replaced(name: str, number: int) -> str:
        """Return the reason for a stream that has another message with a number already read."""
        return (
            f"the stream {name} has another message {number} now: it was restored from an old"
            " copy, or lost what it had"
        )

    def messageMissing(self, number: int | None) -> None:
        """
        @param number: the number of a message that did not arrive although the stream begins
            before it; L{None}: all arrived.
        """
        self._strike(_MISSING, number is not None, f"can't give message {number} any more")

    def _strike(self, kind: str, isSo: bool, reason: str) -> None:
        if not isSo:
            self._strikes.pop(kind, None)
            return
        self._strikes[kind] = self._strikes.get(kind, 0) + 1
        if self._strikes[kind] >= _STRIKES:
            self._end(reason)

    def _end(self, reason: str) -> None:
        self.reason = self.reason or f"the stream {self._name} {reason}"
