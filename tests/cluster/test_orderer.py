"""Tests for L{tsservices.cluster.orderer}, and what it rests on, in a small cluster."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest

from tests.support.chat import RecordingOutlet
from tests.support.cluster import ROOM, ClusterSimulation, SimulatedNode, SimulatedUser
from tests.support.cluster_network import IDENTITY
from tsservices.chat.apply import HANDLERS
from tsservices.chat.batch import Batch
from tsservices.chat.errors import TOKEN_REVOKED, TOKEN_SCOPE, ChatError
from tsservices.chat.notifications import ErrorReply, Notice
from tsservices.chat.operations import (
    MESSAGE,
    READ_SCOPE,
    TALK_SCOPE,
    CreateToken,
    Join,
    Login,
    NodeDown,
    NodeUp,
    Operation,
    Quit,
    Register,
    RevokeTokens,
    Say,
)
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.cluster.apply import CHECKPOINT_SECONDS
from tsservices.cluster.consistency import StateDigest
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS, SILENCE_SECONDS
from tsservices.cluster.messages import Message, encode
from tsservices.cluster.notices import TROUBLE_SECONDS
from tsservices.cluster.outbox import MAX_IN_FLIGHT, OUTBOX_SECONDS
from tsservices.cluster.status import NOT_YET, STORED, TROUBLE, UNKNOWN


class TestOrderer:
    """Ann is on node a, bob on node b, both in a room."""

    def setup_method(self) -> None:
        self.simulation = ClusterSimulation(2, 1)
        self.a, self.b = self.simulation.nodes
        self.a.addUser("ann")
        self.b.addUser("bob")
        self.run(1)
        self.ann, self.bob = self.a.users[0], self.b.users[0]
        for person in (self.ann, self.bob):
            person.recipient.heard()

    def run(self, seconds: float) -> None:
        self.simulation.timeline.run(seconds)

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1000):
            if condition():
                return
            self.run(0.001)
        raise AssertionError("it does not come true")

    def forge(self, node: str, incarnation: str, n: int, *events: Operation) -> None:
        data = encode(Message(node, incarnation, n, list(events)))
        self.simulation.network.append(data)
        self.run(0.5)

    def here(self, node: SimulatedNode) -> list[str]:
        return sorted(session.nick for session in node.pipeline.state.rooms[ROOM].recipients)

    def notices(self, person: SimulatedUser) -> list[Notice]:
        return [
            notification
            for notification in person.recipient.notifications
            if isinstance(notification, Notice)
        ]

    def test_messageReachesBothNodes(self) -> None:
        self.a.say(self.ann, "hello", "there")
        self.run(0.1)
        assert self.ann.recipient.texts() == self.bob.recipient.texts() == ["hello", "there"]
        assert self.ann.session.pending == 0

    def test_proposalsGoTogetherWhenTheWindowIsFull(self) -> None:
        count = len(self.simulation.network.messages)
        for number in range(40):
            self.a.say(self.ann, f"{number:02}")
            self.run(0.0)
        self.run(0.1)
        assert self.bob.recipient.texts() == [f"{number:02}" for number in range(40)]
        assert len(self.simulation.network.messages) - count == MAX_IN_FLIGHT + 1

    def test_goodbyeRemovesUsersAtOnce(self) -> None:
        self.a.say(self.ann, "last words")
        self.a.stop()
        self.run(0.2)
        assert not self.a.isAlive
        assert self.bob.recipient.texts() == ["last words"]
        assert self.here(self.b) == ["bob"]
        last = IDENTITY.baseSequence + len(self.simulation.network.messages)
        assert self.a.disk.checkpoint is not None
        assert self.a.disk.position == self.a.disk.checkpoint[0] == last
        self.a.start()
        self.run(1)
        assert self.a.isOpen
        self.simulation.check()

    def test_stoppedBeforeItIsUp(self) -> None:
        before = self.a.orderer
        self.a.kill()
        self.a.start()
        self.until(lambda: self.a.orderer is not before)
        done: list[int] = []
        self.a.orderer.stop(lambda: done.append(1))
        assert done == [1]
        self.run(10)
        assert not self.a.isOpen
        assert self.here(self.b) == ["bob"]

    def test_isReadyOnlyWhenAllIsRead(self) -> None:
        self.a.kill()
        for number in range(200):
            self.b.say(self.bob, str(number))
            self.run(0.02)
        before = self.a.orderer
        self.a.start()
        self.a.broker.delay = 1.0
        self.until(lambda: self.a.orderer is not before)
        while self.a.orderer.status().lag:
            assert not self.a.isOpen
            assert not any(b'"a-2"' in message.data for message in self.simulation.network.messages)
            self.run(0.01)
        self.run(5)
        assert self.a.isOpen
        self.simulation.check()

    def test_deadNodeIsRemovedOnce(self) -> None:
        self.a.kill()
        self.run(SILENCE_SECONDS - HEARTBEAT_SECONDS - 0.5)
        assert self.here(self.b) == ["ann", "bob"]
        self.run(HEARTBEAT_SECONDS + 1.5)
        assert self.here(self.b) == ["bob"]
        assert set(self.b.pipeline.state.nodes) == {"b"}
        self.run(30)
        assert sum("silent" in text for text in self.b.logLines) == 1

    def test_idleNodeStays(self) -> None:
        self.run(60)
        self.simulation.network.leaderless = True
        self.run(60)
        self.simulation.network.leaderless = False
        self.run(60)
        assert self.here(self.a) == self.here(self.b) == ["ann", "bob"]
        assert not [text for text in self.a.logLines + self.b.logLines if "silent" in text]

    def test_frozenNodeReturnsAndAccusesNobody(self) -> None:
        self.a.isFrozen = True
        self.run(60)
        assert self.here(self.b) == ["bob"]
        self.a.thaw()
        self.run(2)
        assert self.here(self.a) == self.here(self.b) == ["ann", "bob"]
        assert not [text for text in self.a.logLines if "silent" in text]
        self.a.say(self.ann, "back")
        self.run(1)
        assert self.bob.recipient.texts() == ["back"]
        self.simulation.check()

    def test_returningUserBecomesGuest(self) -> None:
        self.a.isFrozen = True
        self.run(20)
        self.b.addUser("ann")
        self.run(1)
        self.a.thaw()
        self.run(2)
        assert self.here(self.a) == ["ann", "bob", "guest-1"]
        assert self.ann.session.nick == "guest-1"
        self.simulation.check()

    def test_proposalsOfTheOldIncarnationAreRejected(self) -> None:
        self.simulation.network.faultRate = 0.0
        self.a.broker.isCut = True
        self.a.say(self.ann, "lost")
        self.run(20)
        assert self.here(self.b) == ["bob"]
        assert self.ann.recipient.notifications == [NOT_YET]
        self.a.broker.reconnect()
        self.until(lambda: bool(self.ann.rejected))
        self.a.say(self.ann, "found")
        self.run(2)
        assert self.ann.rejected == {"lost": 1}
        assert self.bob.recipient.texts() == ["found"]
        self.simulation.check()

    def makeTokens(self) -> tuple[SimulatedUser, SimulatedUser]:
        """Bob's account, on node b, and two sessions on node a that came by tokens of it."""
        bob = self.bob.session.ident
        self.b.propose(self.bob, Register(bob, "bob", "v"))
        for name, scope in (("bot", TALK_SCOPE), ("eye", READ_SCOPE)):
            self.b.propose(self.bob, CreateToken(bob, name, name, scope, name, "d"))
        self.run(1)
        users = []
        for name in ("bot", "eye"):
            ident = f"a1.{len(self.a.users)}"
            session = Session(ident, RecordingOutlet(), f"~{name}", "a")
            assert isinstance(session.recipient, RecordingOutlet)
            user = SimulatedUser(session, session.recipient)
            self.a.users.append(user)
            self.a.propose(user, Login(ident, "bob", 0, f"~{name}", f"t-{ident}", name))
            self.a.propose(user, Join(ident, ROOM, ROOM))
            users.append(user)
        self.run(1)
        assert [user.session.tokenId for user in users] == ["bot", "eye"]
        for user in (self.bob, *users):
            user.recipient.heard()
        return users[0], users[1]

    def revoked(self, user: SimulatedUser) -> bool:
        user.hasQuit = bool(user.recipient.replacements)
        return user.recipient.replacements == [ChatError(TOKEN_REVOKED)]

    def test_tokenRevokedOnAnotherNode(self) -> None:
        bot, eye = self.makeTokens()
        # What was said before is said, and what comes after it is not: on both nodes alike.
        self.a.say(bot, "before")
        self.a.say(eye, "never")
        self.run(0.1)
        self.b.propose(self.bob, RevokeTokens(self.bob.session.ident, ("bot",)))
        self.a.say(bot, "at the same time")
        self.run(0.001)
        self.a.say(bot, "after")
        self.run(2)
        assert self.revoked(bot)
        assert not self.revoked(eye)
        assert [str(error) for error in eye.recipient.errorCodes()] == [str(TOKEN_SCOPE)]
        texts = self.ann.recipient.texts()
        assert texts in (["before"], ["before", "at the same time"])
        assert self.bob.recipient.texts() == texts
        bot.sentTexts.clear()
        eye.sentTexts.clear()
        for node in self.simulation.nodes:
            assert set(node.pipeline.state.accountTokens) == {"eye"}
            (used,) = node.pipeline.state.accountTokens.values()
            assert used.cloak == "~eye"
        self.simulation.check()

    def test_tokenRevokedWhileItsNodeIsAway(self) -> None:
        bot, eye = self.makeTokens()
        self.a.isFrozen = True
        self.run(20)
        self.b.propose(self.bob, RevokeTokens(self.bob.session.ident, ("bot",)))
        self.run(1)
        self.a.thaw()
        self.run(2)
        assert self.revoked(bot)
        assert not self.revoked(eye)
        assert (eye.session.nick, eye.session.tokenId) == ("bob", "eye")
        self.a.say(eye, "never")
        self.run(1)
        assert eye.recipient.errorCodes() == [TOKEN_SCOPE]
        eye.sentTexts.clear()
        self.simulation.check()

    def test_quitWhileRemovedDoesNotReturn(self) -> None:
        self.a.broker.isCut = True
        self.a.quit(self.ann)
        self.run(20)
        self.a.broker.reconnect()
        self.run(2)
        assert self.here(self.a) == self.here(self.b) == ["bob"]
        assert self.ann.session.pending == 0
        self.simulation.check()

    def test_quitWhileReturning(self) -> None:
        self.a.broker.isCut = True
        self.run(20)
        self.a.broker.reconnect()
        self.until(lambda: self.ann.session.pending > 0)
        self.a.quit(self.ann)
        self.run(2)
        assert self.here(self.a) == self.here(self.b) == ["bob"]
        self.simulation.check()

    def test_removedTwiceReturnsOnce(self) -> None:
        self.a.broker.isCut = True
        self.run(20)
        self.a.broker.reconnect()
        self.until(lambda: self.ann.session.pending > 0)
        up = self.a.orderer.status().incarnation
        # Its first message gets there, but it does not hear of it.
        self.run(0.006)
        self.a.isFrozen = True
        self.run(20)
        assert self.here(self.b) == ["bob"]
        self.a.thaw()
        self.run(2)
        assert self.a.orderer.status().incarnation != up
        assert self.here(self.a) == self.here(self.b) == ["ann", "bob"]
        self.simulation.check()

    def test_waitingUsersAreToldOnce(self) -> None:
        self.simulation.network.leaderless = True
        self.a.say(self.ann, "1")
        self.run(TROUBLE_SECONDS - 0.3)
        assert self.a.troubles == []
        self.run(0.8)
        assert self.a.troubles == [TROUBLE]
        assert self.notices(self.ann) == [NOT_YET]
        self.a.say(self.ann, "2")
        self.run(0.1)
        assert self.notices(self.ann) == [NOT_YET]
        self.a.addUser("cat")
        self.run(0.1)
        assert self.notices(self.a.users[1]) == [NOT_YET]
        self.simulation.network.leaderless = False
        self.run(2)
        assert self.a.troubles == [TROUBLE, None]
        assert self.bob.recipient.texts() == ["1", "2"]
        self.simulation.check()

    def test_unpublishedExpiresAndPublishedIsUnknown(self) -> None:
        for number in range(MAX_IN_FLIGHT):
            self.a.say(self.ann, f"sent {number}")
            self.run(0.0)
        self.simulation.network.leaderless = True
        self.a.say(self.ann, "not sent")
        self.a.addUser("cat")
        self.run(1)
        cat = self.a.users[1]
        self.a.quit(cat)
        self.run(OUTBOX_SECONDS)
        assert self.ann.rejected == {"not sent": 1}
        assert self.notices(self.ann).count(UNKNOWN) == 1
        assert STORED not in self.notices(self.ann)
        self.simulation.network.leaderless = False
        self.run(10)
        assert self.notices(self.ann)[-1] is STORED
        assert self.bob.recipient.texts() == [f"sent {number}" for number in range(MAX_IN_FLIGHT)]
        assert self.here(self.a) == ["ann", "bob"]
        self.simulation.check()

    def test_quitsOfUnknownSessionsExpire(self) -> None:
        self.simulation.network.leaderless = True
        self.a.say(self.ann, *map(str, range(MAX_IN_FLIGHT)))
        self.run(1)
        for _ in range(MAX_IN_FLIGHT):
            self.a.say(self.ann, "more")
            self.run(0.1)
        before = self.a.orderer.status().size
        self.a.quit(self.ann)
        for number in range(20):
            self.a.addUser(f"p{number}")
            self.run(0.1)
            person = self.a.users[-1]
            self.a.quit(person)
        self.run(OUTBOX_SECONDS + 1)
        assert self.a.orderer.status().size < before + 100
        assert all(not user.session.pending for user in self.a.users[1:])
        self.simulation.network.leaderless = False
        self.run(10)
        assert self.here(self.a) == self.here(self.b) == ["bob"]
        assert not self.a.orderer.status().size

    def test_fullQueueStillTakesQuits(self) -> None:
        self.simulation.network.leaderless = True
        self.a.say(self.ann, "1")
        self.run(0.1)
        with patch("tsservices.cluster.outbox.OUTBOX_BYTES", 700):
            self.a.say(self.ann, "x" * 600)
            self.a.say(self.ann, "2")
            self.a.propose(self.ann, Quit(self.ann.session.ident, "bye"))
            self.run(0.1)
        assert self.ann.rejected == {"x" * 600: 1, "2": 1}
        self.simulation.network.leaderless = False
        self.run(5)
        assert self.bob.recipient.texts() == ["1"]
        assert self.here(self.b) == ["bob"]

    def test_slowDiskPausesReading(self) -> None:
        with patch("tsservices.cluster.orderer.MAX_BACKLOG", 4):
            self.a.diskSeconds = 3.0
            for number in range(12):
                self.b.say(self.bob, str(number))
                self.run(0.1)
            assert self.a.broker.paused
            assert not self.b.broker.paused
            self.a.diskSeconds = 0.01
            self.run(5)
        assert not self.a.broker.paused
        assert self.ann.recipient.texts() == [str(number) for number in range(12)]

    def test_slowDiskDoesNotRemoveTheNode(self) -> None:
        with patch("tsservices.cluster.orderer.MAX_BACKLOG", 4):
            self.a.diskSeconds = 60.0
            for number in range(12):
                self.b.say(self.bob, str(number))
                self.run(0.1)
            self.run(50)
            self.a.diskSeconds = 0.01
            assert self.a.broker.paused
            assert self.here(self.b) == ["ann", "bob"]
            self.run(60)
        self.simulation.check()

    def test_twoNodesWithOneName(self) -> None:
        self.forge("a", "another", 1, NodeUp("", "a", "another", 10, 10, 10, 10, 10, ()))
        assert len(self.a.failures) == 1
        assert "another server has the name a" in self.a.failures[0]
        assert self.b.failures == []
        self.run(30)
        assert len(self.a.failures) == 1

    def test_newerMessageEndsTheNode(self) -> None:
        self.simulation.network.append(b'{"v":3}')
        self.run(0.5)
        assert "update this one" in self.a.failures[0]
        assert "update this one" in self.b.failures[0]

    def test_garbageIsLoggedOnceAMinute(self) -> None:
        for _ in range(5):
            self.simulation.network.append(b"\xff")
        self.run(1)
        self.b.say(self.bob, "fine")
        self.run(1)
        assert self.ann.recipient.texts() == ["fine"]
        assert self.a.orderer.status().garbage == 5
        assert sum("understands" in text for text in self.a.logLines) == 1
        self.run(60)
        self.simulation.network.append(b"\xff")
        self.run(1)
        assert "had 5 messages" in self.a.logLines[-1]
        self.simulation.check()

    def test_unknownIncarnations(self) -> None:
        self.forge("c", "c-1", 2, Say("x", ROOM, MESSAGE, ("hello",)))
        self.forge("c", "c-1", 1, Say("x", ROOM, MESSAGE, ("hello",)))
        assert self.a.orderer.status().strangers == 2
        up = NodeUp("", "c", "c-1", 10, 10, 10, 10, 10, ())
        self.forge("c", "c-1", 1, up)
        self.forge("c", "c-2", 1, NodeUp("", "c", "c-2", 10, 10, 10, 10, 10, ()))
        self.forge("c", "c-1", 1, up)
        assert self.a.pipeline.state.nodes["c"].incarnation == "c-2"
        self.forge("c", "c-2", 3, Say("x", ROOM, MESSAGE, ("hello",)))
        assert self.a.orderer.status().gaps == 1

    def test_heardSinceIsNotRemoved(self) -> None:
        seen = self.b.pipeline.state.nodes["a"].position
        self.a.say(self.ann, "I am here")
        self.run(0.1)
        n = self.b.pipeline.state.nodes["b"].n
        incarnation = self.a.orderer.status().incarnation
        other = self.b.orderer.status().incarnation
        self.forge("b", other, n + 1, NodeDown("", "a", incarnation, seen))
        assert self.here(self.a) == ["ann", "bob"]
        assert self.a.orderer.status().incarnation == incarnation

    def test_gapInTheStreamEndsTheNode(self) -> None:
        self.a.orderer.delivered([])
        last = self.simulation.network.messages[-1]
        listener = self.a.orderer
        later = type(last)(last.sequence + 5, last.stamp, last.data)
        listener.delivered([last])
        assert self.a.failures == []
        listener.delivered([later])
        assert "are gone" in self.a.failures[0]

    def test_status(self) -> None:
        self.run(10)
        standing = self.a.orderer.status()
        assert (standing.up, standing.lag, standing.gaps, standing.garbage) == (True, 0, 0, 0)
        assert standing.position == IDENTITY.baseSequence + len(self.simulation.network.messages)
        assert standing.incarnation == "a-1"
        assert [node[:2] for node in standing.nodes] == [("a", "a-1"), ("b", "b-1")]
        assert all(0 <= age < 4 for _, _, age in standing.nodes)
        self.simulation.network.leaderless = True
        self.a.say(self.ann, "1")
        self.run(5)
        standing = self.a.orderer.status()
        assert standing.messages >= 1
        assert standing.size > 0
        assert standing.quiet >= 5

    def test_idleNodeMakesCheckpoints(self) -> None:
        with (
            patch("tsservices.cluster.apply.SNAPSHOT_SECONDS", 30.0),
            patch("tsservices.cluster.apply.CHECKPOINT_SECONDS", 10.0),
        ):
            self.run(100)
        assert self.a.disk.checkpoint is not None
        assert (
            self.a.disk.checkpoint[0]
            > IDENTITY.baseSequence + len(self.simulation.network.messages) - 40
        )

    def test_failingOperationCostsNoOther(self) -> None:
        apply = HANDLERS[Say]

        def bad(state: ChatState, event: Say, session: Session, batch: Batch) -> None:
            if event.texts == ("2",):
                raise OSError("broken")
            apply(state, event, session, batch)

        with patch.dict(HANDLERS, {Say: bad}):
            for text in "123":
                self.a.say(self.ann, text)
            self.run(1)
        assert self.bob.recipient.texts() == ["1", "3"]
        assert self.ann.session.pending == 0
        assert [str(error) for error in self.a.errors + self.b.errors] == ["broken"] * 2

    def test_failedCheckpointIsRetried(self) -> None:
        with patch("tsservices.cluster.apply.save", side_effect=OSError("broken")):
            self.run(CHECKPOINT_SECONDS + 1)
            self.a.say(self.ann, "1")
            self.run(1)
        assert self.bob.recipient.texts() == ["1"]
        assert self.ann.session.pending == 0
        assert all("1" in "".join(item.disk.messages.values()) for item in (self.a, self.b))
        assert self.a.disk.checkpoint is None
        assert {str(error) for error in self.a.errors + self.b.errors} == {"broken"}
        self.run(CHECKPOINT_SECONDS + 1)
        self.a.say(self.ann, "2")
        self.run(1)
        assert self.a.disk.checkpoint is not None
        assert self.a.orderer.checkpointPosition == self.a.disk.checkpoint[0]

    @pytest.mark.parametrize("stopped", [True, False])
    @pytest.mark.parametrize("same", [True, False])
    def test_databaseHasToMatchTheStream(self, stopped: bool, same: bool) -> None:
        self.a.say(self.ann, "1")
        self.run(1)
        node, state = self.a, self.a.pipeline.state
        records = [room.record.copy() for room in state.rooms.values()]
        node.digest = StateDigest.of(node.disk.position, records, state.accounts.values())
        node.kill()
        if stopped:
            self.b.stop()
        self.run(5)
        if not same:
            records[0].time += 1
            node.digest = StateDigest.of(node.disk.position, records, ())
        node.start()
        self.run(5)
        assert node.isOpen == same
        assert [item.partition(":")[0] for item in node.failures] == (
            []
            if same
            else [
                f"up to {node.disk.position} the database of this node has something else than"
                " the stream"
            ]
        )

    def test_proposedAfterTheGoodbye(self) -> None:
        self.a.orderer.stop(lambda: None)
        self.a.say(self.ann, "too late")
        self.run(1)
        assert self.ann.rejected == {"too late": 1}
        assert any(
            isinstance(notification, ErrorReply)
            for notification in self.ann.recipient.notifications
        )
        assert self.here(self.b) == ["bob"]


def test_bigMessagesAreSplit() -> None:
    with patch("tsservices.cluster.outbox.MESSAGE_BYTES", 500):
        world = ClusterSimulation(2, 1)
        a, b = world.nodes
        a.addUser("ann")
        b.addUser("bob")
        world.timeline.run(1)
        ann, bob = a.users[0], b.users[0]
        bob.recipient.heard()
        before = len(world.network.messages)
        for number in range(40):
            a.say(ann, f"{number:020}")
        a.say(ann, "x" * 500)
        world.timeline.run(0.5)
        assert bob.recipient.texts() == [f"{number:020}" for number in range(40)]
        assert ann.rejected == {"x" * 500: 1}
        new = world.network.messages[before:]
        assert len(new) >= 5
        assert max(len(item.data) for item in new) <= 500
        world.check()


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.0, 9.0, 40.0])
def test_restartsFromTheCheckpoint(seconds: float) -> None:
    with patch("tsservices.cluster.apply.CHECKPOINT_SECONDS", 1.0):
        world = ClusterSimulation(3, 1)
        a, b = world.nodes[:2]
        for node in world.nodes:
            node.addUser("n" + node.name)
        world.timeline.run(3)
        for number in range(5):
            for node in (a, b):
                node.perform("say", 0, "")
            world.timeline.run(number / 100)
        a.kill()
        world.timeline.run(seconds)
        b.perform("say", 0, "")
        a.start()
        world.timeline.run(5)
        assert a.isOpen
        assert a.disk.checkpoint is not None
        world.check()
