"""Tests for L{tsservices.cluster.join_decision}."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tsservices.cluster.broker import BrokerError, ClusterIdentity, SnapshotInfo, StreamState
from tsservices.cluster.join_decision import JoinMethod, LocalState, decideJoin

#: Of a node that had a history of 100 batches.
IDENTITY = ClusterIdentity("epoch", "log", 100, bytes(32))

#: Has messages 11 to 50.
STREAM = StreamState(IDENTITY, 11, 50)

#: Of a node that has applied 40 of them, and can go on behind the 30th.
OWN = LocalState("epoch", "log", 140, 130, False)

#: Of a node that is new.
FRESH = LocalState("", "mine", 0, 0, True)

#: Made behind the 45th message.
SNAPSHOT = SnapshotInfo("epoch", 145, 1)


class TestJoin:
    def test_ownDatabaseUpToTheFirstMessage(self) -> None:
        assert decideJoin(OWN, STREAM, None) == (JoinMethod.OWN_DATABASE, 31)
        assert decideJoin(replace(OWN, checkpoint=110), STREAM, None) == (
            JoinMethod.OWN_DATABASE,
            11,
        )
        assert decideJoin(replace(OWN, position=150), STREAM, SNAPSHOT) == (
            JoinMethod.OWN_DATABASE,
            31,
        )

    def test_awayForLongNeedsSnapshot(self) -> None:
        away = replace(OWN, position=112, checkpoint=109)
        assert decideJoin(away, STREAM, SNAPSHOT) == (JoinMethod.SNAPSHOT, 46)
        for snapshot in (None, replace(SNAPSHOT, epoch="x"), replace(SNAPSHOT, position=109)):
            with pytest.raises(BrokerError, match="longer than the stream keeps"):
                decideJoin(away, STREAM, snapshot)

    def test_brokerHasLessThanTheNode(self) -> None:
        with pytest.raises(BrokerError, match="ends at 50, but this node has its message 51"):
            decideJoin(replace(OWN, position=151), STREAM, SNAPSHOT)

    def test_databaseOfAnotherStream(self) -> None:
        with pytest.raises(BrokerError, match="another stream"):
            decideJoin(replace(OWN, epoch="x"), STREAM, SNAPSHOT)

    def test_founderBindsAlsoInALaterRun(self) -> None:
        own = LocalState("", "log", 100, 0, False)
        assert decideJoin(own, replace(STREAM, first=1, last=0, created=True), None) == (
            JoinMethod.BIND,
            1,
        )
        assert decideJoin(own, replace(STREAM, first=1), None) == (JoinMethod.BIND, 1)

    def test_otherHistory(self) -> None:
        with pytest.raises(BrokerError, match="a chat of its own"):
            decideJoin(LocalState("", "other", 100, 0, False), STREAM, SNAPSHOT)

    def test_newNode(self) -> None:
        assert decideJoin(FRESH, STREAM, SNAPSHOT) == (JoinMethod.SNAPSHOT, 46)
        young = StreamState(replace(IDENTITY, baseSequence=0), 1, 50)
        assert decideJoin(FRESH, young, None) == (JoinMethod.BIND, 1)
        for stream in (STREAM, replace(STREAM, first=1), replace(young, first=2)):
            with pytest.raises(BrokerError, match="no snapshot yet"):
                decideJoin(FRESH, stream, None)
