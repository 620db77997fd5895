"""
Tests for L{tsservices.cluster.orderer}, and what it rests on, in a small cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest

from tests.support.cluster import ROOM, Dweller, SimNode, World
from tests.support.cluster_network import FOUNDING
from tsservices.chat.apply import HANDLERS
from tsservices.chat.batch import Batch
from tsservices.chat.notifications import ErrorReply, Notice
from tsservices.chat.operations import MESSAGE, NodeDown, NodeUp, Operation, Quit, Say
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.cluster.apply import CHECKPOINT_SECONDS
from tsservices.cluster.consistency import StateDigest
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS, SILENCE_SECONDS
from tsservices.cluster.messages import Message, encode
from tsservices.cluster.notices import ENGINE_TROUBLE_SECONDS
from tsservices.cluster.outbox import MESSAGES_UNDER_WAY, OUTBOX_SECONDS
from tsservices.cluster.status import NOT_YET, STORED, TROUBLE, UNKNOWN


class TestOrderer:
    """Ann is on node a, bob on node b, both in a room."""

    def setup_method(self) -> None:
        self.world = World(2, 1)
        self.a, self.b = self.world.nodes
        self.a.arrive("ann")
        self.b.arrive("bob")
        self.run(1)
        self.ann, self.bob = self.a.people[0], self.b.people[0]
        for person in (self.ann, self.bob):
            person.ear.take()

    def run(self, seconds: float) -> None:
        self.world.timeline.run(seconds)

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1000):
            if condition():
                return
            self.run(0.001)
        raise AssertionError("it does not come true")

    def say(self, node: SimNode, person: Dweller, *texts: str) -> None:
        node.propose(person, Say(person.session.ident, ROOM, MESSAGE, texts))

    def forge(self, node: str, incarnation: str, n: int, *events: Operation) -> None:
        data = encode(Message(node, incarnation, n, list(events)))
        self.world.net.take(data)
        self.run(0.5)

    def here(self, node: SimNode) -> list[str]:
        return sorted(each.nick for each in node.pipeline.state.rooms[ROOM].recipients)

    def notices(self, person: Dweller) -> list[Notice]:
        return [each for each in person.ear.heard if isinstance(each, Notice)]

    def test_talk(self) -> None:
        """What is said on one node is heard on the other, and by who has said it."""
        self.say(self.a, self.ann, "hello", "there")
        self.run(0.1)
        assert self.ann.ear.lines() == self.bob.ear.lines() == ["hello", "there"]
        assert self.ann.session.pending == 0

    def test_together(self) -> None:
        """What is proposed while as much is under way as may be goes in one message."""
        count = len(self.world.net.messages)
        for number in range(40):
            self.say(self.a, self.ann, f"{number:02}")
            self.run(0.0)
        self.run(0.1)
        assert self.bob.ear.lines() == [f"{number:02}" for number in range(40)]
        assert len(self.world.net.messages) - count == MESSAGES_UNDER_WAY + 1

    def test_goodbye(self) -> None:
        """
        A node that ends in order says so after all else: its people are gone at once, and
        it goes on from there.
        """
        self.say(self.a, self.ann, "last words")
        self.a.stop()
        self.run(0.2)
        assert not self.a.alive
        assert self.bob.ear.lines() == ["last words"]
        assert self.here(self.b) == ["bob"]
        last = FOUNDING.baseSequence + len(self.world.net.messages)
        assert self.a.disk.checkpoint is not None
        assert self.a.disk.position == self.a.disk.checkpoint[0] == last
        self.a.start()
        self.run(1)
        assert self.a.open
        self.world.check()

    def test_stoppedTooSoon(self) -> None:
        """Who ends before it has begun has nothing to say."""
        before = self.a.orderer
        self.a.die()
        self.a.start()
        self.until(lambda: self.a.orderer is not before)
        done: list[int] = []
        self.a.orderer.stop(lambda: done.append(1))
        assert done == [1]
        self.run(10)
        assert not self.a.open
        assert self.here(self.b) == ["bob"]

    def test_readsFirst(self) -> None:
        """Who has much to read takes part only when that is read, and is ready then."""
        self.a.die()
        for number in range(200):
            self.say(self.b, self.bob, str(number))
            self.run(0.02)
        before = self.a.orderer
        self.a.start()
        self.a.engine.slow = 1.0
        self.until(lambda: self.a.orderer is not before)
        while self.a.orderer.standing().lag:
            assert not self.a.open
            assert not any(b'"a-2"' in each.data for each in self.world.net.messages)
            self.run(0.01)
        self.run(5)
        assert self.a.open
        self.world.check()

    def test_dead(self) -> None:
        """
        Of a node that is not heard any more the people are gone, not too soon and not late;
        it is told once.
        """
        self.a.die()
        self.run(SILENCE_SECONDS - HEARTBEAT_SECONDS - 0.5)
        assert self.here(self.b) == ["ann", "bob"]
        self.run(HEARTBEAT_SECONDS + 1.5)
        assert self.here(self.b) == ["bob"]
        assert set(self.b.pipeline.state.nodes) == {"b"}
        self.run(30)
        assert sum("silent" in each for each in self.b.notes) == 1

    def test_quietButThere(self) -> None:
        """Nobody is taken for gone who has nothing to say, nor while nothing goes."""
        self.run(60)
        self.world.net.away = True
        self.run(60)
        self.world.net.away = False
        self.run(60)
        assert self.here(self.a) == self.here(self.b) == ["ann", "bob"]
        assert not [each for each in self.a.notes + self.b.notes if "silent" in each]

    def test_frozen(self) -> None:
        """
        A node that was frozen is taken for gone, and brings its people back; it does not
        take the others for gone, whom it could not hear.
        """
        self.a.frozen = True
        self.run(60)
        assert self.here(self.b) == ["bob"]
        self.a.thaw()
        self.run(2)
        assert self.here(self.a) == self.here(self.b) == ["ann", "bob"]
        assert not [each for each in self.a.notes if "silent" in each]
        self.say(self.a, self.ann, "back")
        self.run(1)
        assert self.bob.ear.lines() == ["back"]
        self.world.check()

    def test_nameTakenMeanwhile(self) -> None:
        """Who was away meanwhile has lost their name to who has taken it."""
        self.a.frozen = True
        self.run(20)
        self.b.arrive("ann")
        self.run(1)
        self.a.thaw()
        self.run(2)
        assert self.here(self.a) == ["ann", "bob", "guest-1"]
        assert self.ann.session.nick == "guest-1"
        self.world.check()

    def test_goneWithProposals(self) -> None:
        """
        What had no place when the node was taken for gone never gets one, and is refused;
        what was proposed since gets one, after the return.
        """
        self.world.net.faults = 0.0
        self.a.engine.cut = True
        self.say(self.a, self.ann, "lost")
        self.run(20)
        assert self.here(self.b) == ["bob"]
        assert self.ann.ear.heard == [NOT_YET]
        self.a.engine.reconnect()
        self.until(lambda: bool(self.ann.refused))
        self.say(self.a, self.ann, "found")
        self.run(2)
        assert self.ann.refused == {"lost": 1}
        assert self.bob.ear.lines() == ["found"]
        self.world.check()

    def test_quitMeanwhile(self) -> None:
        """Who has left while the node was taken for gone does not come back."""
        self.a.engine.cut = True
        self.a.propose(self.ann, Quit(self.ann.session.ident, ""))
        self.ann.left = True
        self.run(20)
        self.a.engine.reconnect()
        self.run(2)
        assert self.here(self.a) == self.here(self.b) == ["bob"]
        assert self.ann.session.pending == 0
        self.world.check()

    def test_quitAfterReturning(self) -> None:
        """Nor who leaves while the return is under way."""
        self.a.engine.cut = True
        self.run(20)
        self.a.engine.reconnect()
        self.until(lambda: self.ann.session.pending > 0)
        self.a.propose(self.ann, Quit(self.ann.session.ident, ""))
        self.ann.left = True
        self.run(2)
        assert self.here(self.a) == self.here(self.b) == ["bob"]
        self.world.check()

    def test_goneTwice(self) -> None:
        """Who was to return when the node was taken for gone once more does return."""
        self.a.engine.cut = True
        self.run(20)
        self.a.engine.reconnect()
        self.until(lambda: self.ann.session.pending > 0)
        up = self.a.orderer.standing().incarnation
        # Its first message gets there, but it does not hear of it.
        self.run(0.006)
        self.a.frozen = True
        self.run(20)
        assert self.here(self.b) == ["bob"]
        self.a.thaw()
        self.run(2)
        assert self.a.orderer.standing().incarnation != up
        assert self.here(self.a) == self.here(self.b) == ["ann", "bob"]
        self.world.check()

    def test_trouble(self) -> None:
        """
        While nothing comes back those who wait are told, and those who come to it; and all
        goes on when it is over.
        """
        self.world.net.away = True
        self.say(self.a, self.ann, "1")
        self.run(ENGINE_TROUBLE_SECONDS - 0.3)
        assert self.a.troubles == []
        self.run(0.8)
        assert self.a.troubles == [TROUBLE]
        assert self.notices(self.ann) == [NOT_YET]
        self.say(self.a, self.ann, "2")
        self.run(0.1)
        assert self.notices(self.ann) == [NOT_YET]
        self.a.arrive("cat")
        self.run(0.1)
        assert self.notices(self.a.people[1]) == [NOT_YET]
        self.world.net.away = False
        self.run(2)
        assert self.a.troubles == [TROUBLE, None]
        assert self.bob.ear.lines() == ["1", "2"]
        self.world.check()

    def test_longTrouble(self) -> None:
        """
        What was never sent is refused after a while; of what was sent nothing is known,
        then that it is stored; and who has left has left.
        """
        for number in range(MESSAGES_UNDER_WAY):
            self.say(self.a, self.ann, f"sent {number}")
            self.run(0.0)
        self.world.net.away = True
        self.say(self.a, self.ann, "not sent")
        self.a.arrive("cat")
        self.run(1)
        cat = self.a.people[1]
        self.a.propose(cat, Quit(cat.session.ident, ""))
        cat.left = True
        self.run(OUTBOX_SECONDS)
        assert self.ann.refused == {"not sent": 1}
        assert self.notices(self.ann).count(UNKNOWN) == 1
        assert STORED not in self.notices(self.ann)
        self.world.net.away = False
        self.run(10)
        assert self.notices(self.ann)[-1] is STORED
        assert self.bob.ear.lines() == [f"sent {number}" for number in range(MESSAGES_UNDER_WAY)]
        assert self.here(self.a) == ["ann", "bob"]
        self.world.check()

    def test_leftBeforeEntering(self) -> None:
        """
        Many who come and go while the engine is away leave nothing behind; who was there
        before, and goes then, is gone.
        """
        self.world.net.away = True
        self.say(self.a, self.ann, *map(str, range(MESSAGES_UNDER_WAY)))
        self.run(1)
        for _ in range(MESSAGES_UNDER_WAY):
            self.say(self.a, self.ann, "more")
            self.run(0.1)
        before = self.a.orderer.standing().size
        self.a.propose(self.ann, Quit(self.ann.session.ident, ""))
        self.ann.left = True
        for number in range(20):
            self.a.arrive(f"p{number}")
            self.run(0.1)
            person = self.a.people[-1]
            self.a.propose(person, Quit(person.session.ident, ""))
            person.left = True
        self.run(OUTBOX_SECONDS + 1)
        assert self.a.orderer.standing().size < before + 100
        assert all(not each.session.pending for each in self.a.people[1:])
        self.world.net.away = False
        self.run(10)
        assert self.here(self.a) == self.here(self.b) == ["bob"]
        assert not self.a.orderer.standing().size

    def test_full(self) -> None:
        """
        Nothing more is taken than there is room for, but for goodbyes; and what comes after
        what there was no room for is not taken either.
        """
        self.world.net.away = True
        self.say(self.a, self.ann, "1")
        self.run(0.1)
        with patch("tsservices.cluster.outbox.OUTBOX_BYTES", 700):
            self.say(self.a, self.ann, "x" * 600)
            self.say(self.a, self.ann, "2")
            self.a.propose(self.ann, Quit(self.ann.session.ident, "bye"))
            self.run(0.1)
        assert self.ann.refused == {"x" * 600: 1, "2": 1}
        self.world.net.away = False
        self.run(5)
        assert self.bob.ear.lines() == ["1"]
        assert self.here(self.b) == ["bob"]

    def test_slowDisk(self) -> None:
        """When too much waits for the disk no more is read, until it does not."""
        with patch("tsservices.cluster.orderer.WAITING_BATCHES", 4):
            self.a.diskSeconds = 3.0
            for number in range(12):
                self.say(self.b, self.bob, str(number))
                self.run(0.1)
            assert self.a.engine.paused
            assert not self.b.engine.paused
            self.a.diskSeconds = 0.01
            self.run(5)
        assert not self.a.engine.paused
        assert self.ann.ear.lines() == [str(number) for number in range(12)]

    def test_slowDiskForLong(self) -> None:
        """Whose disk does not answer is heard all the same: nobody takes it for gone."""
        with patch("tsservices.cluster.orderer.WAITING_BATCHES", 4):
            self.a.diskSeconds = 60.0
            for number in range(12):
                self.say(self.b, self.bob, str(number))
                self.run(0.1)
            self.run(50)
            self.a.diskSeconds = 0.01
            assert self.a.engine.paused
            assert self.here(self.b) == ["ann", "bob"]
            self.run(60)
        self.world.check()

    def test_sameName(self) -> None:
        """
        A node gives way to another server that has its name: which one is meant can't be
        known.
        """
        self.forge("a", "another", 1, NodeUp("", "a", "another", 10, 10, 10, 10, 10, ()))
        assert len(self.a.ends) == 1
        assert "another server has the name a" in self.a.ends[0]
        assert self.b.ends == []
        self.run(30)
        assert len(self.a.ends) == 1

    def test_newer(self) -> None:
        """Who does not understand a newer node must not go on as if it had said nothing."""
        self.world.net.take(b'{"v":2}')
        self.run(0.5)
        assert "update this one" in self.a.ends[0]
        assert "update this one" in self.b.ends[0]

    def test_garbage(self) -> None:
        """What is no message is passed over, and said once a minute."""
        for _ in range(5):
            self.world.net.take(b"\xff")
        self.run(1)
        self.say(self.b, self.bob, "fine")
        self.run(1)
        assert self.ann.ear.lines() == ["fine"]
        assert self.a.orderer.standing().garbage == 5
        assert sum("understands" in each for each in self.a.notes) == 1
        self.run(60)
        self.world.net.take(b"\xff")
        self.run(1)
        assert "had 5 messages" in self.a.notes[-1]
        self.world.check()

    def test_strangers(self) -> None:
        """Who has not begun has nothing to say, and an old beginning is not a new one."""
        self.forge("c", "c-1", 2, Say("x", ROOM, MESSAGE, ("hello",)))
        self.forge("c", "c-1", 1, Say("x", ROOM, MESSAGE, ("hello",)))
        assert self.a.orderer.standing().strangers == 2
        up = NodeUp("", "c", "c-1", 10, 10, 10, 10, 10, ())
        self.forge("c", "c-1", 1, up)
        self.forge("c", "c-2", 1, NodeUp("", "c", "c-2", 10, 10, 10, 10, 10, ()))
        self.forge("c", "c-1", 1, up)
        assert self.a.pipeline.state.nodes["c"].incarnation == "c-2"
        self.forge("c", "c-2", 3, Say("x", ROOM, MESSAGE, ("hello",)))
        assert self.a.orderer.standing().gaps == 1

    def test_goneTooLate(self) -> None:
        """Who was heard of since is not gone."""
        seen = self.b.pipeline.state.nodes["a"].position
        self.say(self.a, self.ann, "I am here")
        self.run(0.1)
        n = self.b.pipeline.state.nodes["b"].n
        incarnation = self.a.orderer.standing().incarnation
        other = self.b.orderer.standing().incarnation
        self.forge("b", other, n + 1, NodeDown("", "a", incarnation, seen))
        assert self.here(self.a) == ["ann", "bob"]
        assert self.a.orderer.standing().incarnation == incarnation

    def test_missing(self) -> None:
        """What the stream has lost can't be made up: the node ends."""
        self.a.orderer.delivered([])
        last = self.world.net.messages[-1]
        listener = self.a.orderer
        later = type(last)(last.number + 5, last.stamp, last.data)
        listener.delivered([last])
        assert self.a.ends == []
        listener.delivered([later])
        assert "are gone" in self.a.ends[0]

    def test_standing(self) -> None:
        """How a node stands can be said."""
        self.run(10)
        standing = self.a.orderer.standing()
        assert (standing.up, standing.lag, standing.gaps, standing.garbage) == (True, 0, 0, 0)
        assert standing.position == FOUNDING.baseSequence + len(self.world.net.messages)
        assert standing.incarnation == "a-1"
        assert [each[:2] for each in standing.nodes] == [("a", "a-1"), ("b", "b-1")]
        assert all(0 <= age < 4 for _, _, age in standing.nodes)
        self.world.net.away = True
        self.say(self.a, self.ann, "1")
        self.run(5)
        standing = self.a.orderer.standing()
        assert standing.messages >= 1
        assert standing.size > 0
        assert standing.quiet >= 5
        assert [each.ident for each in self.a.orderer.waiting()] == [self.ann.session.ident]

    def test_idle(self) -> None:
        """However quiet it is, what is kept does not get older than the stream."""
        with (
            patch("tsservices.cluster.apply.SNAPSHOT_SECONDS", 30.0),
            patch("tsservices.cluster.apply.CHECKPOINT_SECONDS", 10.0),
        ):
            self.run(100)
        assert self.a.disk.checkpoint is not None
        assert self.a.disk.checkpoint[0] > FOUNDING.baseSequence + len(self.world.net.messages) - 40

    def test_somebodyFails(self) -> None:
        """What goes wrong with one is told, and costs nobody else anything."""
        apply = HANDLERS[Say]

        def bad(state: ChatState, event: Say, session: Session, batch: Batch) -> None:
            if event.texts == ("2",):
                raise OSError("broken")
            apply(state, event, session, batch)

        with patch.dict(HANDLERS, {Say: bad}):
            for text in "123":
                self.say(self.a, self.ann, text)
            self.run(1)
        assert self.bob.ear.lines() == ["1", "3"]
        assert self.ann.session.pending == 0
        assert [str(each) for each in self.a.errors + self.b.errors] == ["broken"] * 2

    def test_notSaved(self) -> None:
        """What goes wrong with the whole state costs no line, and it is tried again."""
        with patch("tsservices.cluster.apply.save", side_effect=OSError("broken")):
            self.run(CHECKPOINT_SECONDS + 1)
            self.say(self.a, self.ann, "1")
            self.run(1)
        assert self.bob.ear.lines() == ["1"]
        assert self.ann.session.pending == 0
        assert all("1" in "".join(each.disk.said.values()) for each in (self.a, self.b))
        assert self.a.disk.checkpoint is None
        assert {str(each) for each in self.a.errors + self.b.errors} == {"broken"}
        self.run(CHECKPOINT_SECONDS + 1)
        self.say(self.a, self.ann, "2")
        self.run(1)
        assert self.a.disk.checkpoint is not None
        assert self.a.orderer.saved == self.a.disk.checkpoint[0]

    @pytest.mark.parametrize("stopped", [True, False])
    @pytest.mark.parametrize("same", [True, False])
    def test_outline(self, stopped: bool, same: bool) -> None:
        """
        A node whose database has something else than the stream does not begin, whether it
        has read beyond that or not.
        """
        self.say(self.a, self.ann, "1")
        self.run(1)
        node, state = self.a, self.a.pipeline.state
        records = [each.record.copy() for each in state.rooms.values()]
        node.outline = StateDigest.of(node.disk.position, records, state.accounts.values())
        node.die()
        if stopped:
            self.b.stop()
        self.run(5)
        if not same:
            records[0].time += 1
            node.outline = StateDigest.of(node.disk.position, records, ())
        node.start()
        self.run(5)
        assert node.open == same
        assert [each.partition(":")[0] for each in node.ends] == (
            []
            if same
            else [
                f"up to {node.disk.position} the database of this node has something else than"
                " the stream"
            ]
        )

    def test_afterwards(self) -> None:
        """What is proposed when the node has said goodbye is refused."""
        self.a.orderer.stop(lambda: None)
        self.say(self.a, self.ann, "too late")
        self.run(1)
        assert self.ann.refused == {"too late": 1}
        assert any(isinstance(each, ErrorReply) for each in self.ann.ear.heard)
        assert self.here(self.b) == ["bob"]


def test_bigMessages() -> None:
    """What does not go in one message goes in several, in order."""
    with patch("tsservices.cluster.outbox.MESSAGE_BYTES", 500):
        world = World(2, 1)
        a, b = world.nodes
        a.arrive("ann")
        b.arrive("bob")
        world.timeline.run(1)
        ann, bob = a.people[0], b.people[0]
        bob.ear.take()
        before = len(world.net.messages)
        for number in range(40):
            a.propose(ann, Say(ann.session.ident, ROOM, MESSAGE, (f"{number:020}",)))
        a.propose(ann, Say(ann.session.ident, ROOM, MESSAGE, ("x" * 500,)))
        world.timeline.run(0.5)
        assert bob.ear.lines() == [f"{number:020}" for number in range(40)]
        assert ann.refused == {"x" * 500: 1}
        new = world.net.messages[before:]
        assert len(new) >= 5
        assert max(len(each.data) for each in new) <= 500
        world.check()


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.0, 9.0, 40.0])
def test_restart(seconds: float) -> None:
    """A node that died goes on from what it had kept, whatever was under way then."""
    with patch("tsservices.cluster.apply.CHECKPOINT_SECONDS", 1.0):
        world = World(3, 1)
        a, b = world.nodes[:2]
        for node in world.nodes:
            node.arrive("n" + node.name)
        world.timeline.run(3)
        for number in range(5):
            for node in (a, b):
                node.act("say", 0, "")
            world.timeline.run(number / 100)
        a.die()
        world.timeline.run(seconds)
        b.act("say", 0, "")
        a.start()
        world.timeline.run(5)
        assert a.open
        assert a.disk.checkpoint is not None
        world.check()
