"""
The stream of a cluster: found, or made.

Whether a stream is still what it was.
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

#: Seconds that the stream keeps messages: so long a node may be away and go on by itself.
STREAM_SECONDS = 7 * 24 * 3600.0


_FORM = "1"

_PREFIX = "tsservices-"

#: What the engine says when there is a stream of that name, made otherwise.
_NAME_IN_USE = 10058

#: What it says while its servers have not found each other, or are short of something.
_NOT_READY_CODES = {10002, 10003, 10005, 10008, 10009, 10023, 10028, 10039, 10047, 10076}


class NotReady(BrokerError):
    """Servers that begin say so; but some say it for ever."""


def encodeIdentity(founding: ClusterIdentity) -> dict[str, str]:
    """How it stands there."""
    return {
        _PREFIX + "form": _FORM,
        _PREFIX + "epoch": founding.epoch,
        _PREFIX + "log": founding.log,
        _PREFIX + "base": str(founding.baseSequence),
        _PREFIX + "secret": founding.cloakKey.hex(),
    }


def decodeIdentity(name: str, found: dict[str, str] | None) -> ClusterIdentity:
    """
    What that means.

    @raise EngineError: nothing.
    """
    of = found or {}
    form = of.get(_PREFIX + "form")
    if form is None:
        raise BrokerError(f"the stream {name} was not made by tsservices: it is left alone")
    if form != _FORM:
        raise BrokerError(f"the stream {name} was made by a newer version of tsservices")
    epoch, log, base, secret = (of.get(_PREFIX + each, "") for each in _PARTS)
    if (
        not epoch
        or not log
        or not re.fullmatch("[0-9]{1,18}", base)
        or not re.fullmatch(f"[0-9a-f]{{{2 * SECRET_BYTES}}}", secret)
    ):
        raise BrokerError(f"what tsservices wrote down with the stream {name} was changed")
    return ClusterIdentity(epoch, log, int(base), bytes.fromhex(secret))


_PARTS = ("epoch", "log", "base", "secret")


def _checkedIdentity(place: JetStreamConfig, info: StreamInfo) -> ClusterIdentity:
    name, config = place.stream, info.config
    found = decodeIdentity(name, config.metadata)
    wrong = {
        f"has other subjects than {place.subject}": config.subjects != [place.subject],
        "is not kept in files": config.storage != StorageType.FILE,
        "throws old messages away for new ones": config.discard != DiscardPolicy.NEW,
        "takes small messages only": 0 < (config.max_msg_size or -1) < MESSAGE_BYTES,
        "keeps a few messages only": (config.max_msgs_per_subject or -1) > 0,
        "does not say what it has taken": config.no_ack,
        "takes no messages any more": config.sealed,
        "is a copy of others": bool(config.mirror or config.sources),
        "changes subjects": config.subject_transform is not None,
    }
    for words, isSo in wrong.items():
        if isSo:
            raise BrokerError(f"the stream {name} can't be used: it {words}")
    return found


async def findOrCreate(
    jetstream: JetStreamContext, place: JetStreamConfig, wanted: ClusterIdentity | None
) -> tuple[StreamState, StreamInfo]:
    """
    The stream.

    @param wanted: what to make it with, if it is not there; L{None}: it has to be.
    @raise NotYet: the servers may need some time.
    @raise EngineError: it can't be used.
    @raise nats.errors.Error: there is no answer.
    """
    made = False
    try:
        try:
            info = await jetstream.stream_info(place.stream)
        except NotFoundError as error:
            if wanted is None:
                raise BrokerError(f"there is no stream {place.stream}: it was deleted") from error
            info, made = await _create(jetstream, place, wanted)
    except ServiceUnavailableError as error:
        raise NotReady("the servers have no JetStream, or no leader of it") from error
    except APIError as error:
        words = f"the stream {place.stream}: {error.description or error}"
        if error.err_code in _NOT_READY_CODES:
            raise NotReady(words) from error
        raise BrokerError(words) from error
    found = _checkedIdentity(place, info)
    if made and found != wanted:
        made = False
    state = info.state
    return StreamState(found, state.first_seq or 1, state.last_seq, made), info


async def _create(
    jetstream: JetStreamContext, place: JetStreamConfig, wanted: ClusterIdentity
) -> tuple[StreamInfo, bool]:
    config = StreamConfig(
        name=place.stream,
        description="what is said in the chat",
        subjects=[place.subject],
        max_age=STREAM_SECONDS,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        num_replicas=place.replicas,
        allow_direct=True,
        metadata=encodeIdentity(wanted),
    )
    try:
        return await jetstream.add_stream(config), True
    except APIError as error:
        if error.err_code != _NAME_IN_USE:
            raise
    except (Error, TimeoutError):
        # It may have been made all the same: by whom, its metadata says.
        return await jetstream.stream_info(place.stream), True
    return await jetstream.stream_info(place.stream), False


#: How often something bad has to be seen in a row: engines that begin may know less.
_STRIKES = 3

_MISSING = "missing"


class StreamCheck:
    """
    Compares what is seen of a stream with what was there.

    @ivar reason: why it can't be gone on with; nothing: it can.
    """

    def __init__(self, name: str, known: StreamInfo) -> None:
        """@raise EngineError: it is none of ours."""
        self._name = name
        self._epoch = decodeIdentity(name, known.config.metadata).epoch
        self._created = known.created
        self._strikes: dict[str, int] = {}
        self.reason = ""

    @property
    def bad(self) -> bool:
        """Whether something bad was seen the last time."""
        return bool(self._strikes or self.reason)

    @property
    def maySubscribe(self) -> bool:
        """
        Whether one may ask for messages: also for one that is missing, since only so it shows
        that it is.
        """
        return not self.reason and self._strikes.keys() <= {_MISSING}

    def streamMissing(self) -> None:
        """There is no such stream."""
        self._strike("gone", True, "was deleted")

    def streamSeen(self, info: StreamInfo, wanted: int, moved: bool) -> None:
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
        """Why it can't be gone on with."""
        return (
            f"the stream {name} has another message {number} now: it was restored from an old"
            " copy, or lost what it had"
        )

    def messageMissing(self, number: int | None) -> None:
        """
        @param number: of a message that did not come where it had to, though the stream
            begins before it; L{None}: all came.
        """
        self._strike(_MISSING, number is not None, f"can't give message {number} any more")

    def _strike(self, what: str, isSo: bool, words: str) -> None:
        if not isSo:
            self._strikes.pop(what, None)
            return
        self._strikes[what] = self._strikes.get(what, 0) + 1
        if self._strikes[what] >= _STRIKES:
            self._end(words)

    def _end(self, words: str) -> None:
        self.reason = self.reason or f"the stream {self._name} {words}"
