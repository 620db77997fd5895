"""What holds for several nodes whatever happens to them, and to what they send."""

from __future__ import annotations

from random import Random
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cluster import ClusterSimulation
from tests.support.examples import tried

ACTS = ("say", "say", "say", "say", "arrive", "arrive", "rename", "part", "join", "quit")
FATES = ("die", "stop", "start", "freeze", "thaw", "cut", "mend", "slow", "disk", "away", "back")

KINDS = (*ACTS, *ACTS, *FATES, "faults", "well", "wait")
NICKS = ("ann", "bob", "cat", "dan", "eve", "fay")
PAUSES = (0.0, 0.0, 0.0, 0.02, 0.3, 1.2, 5.0, 12.0, 35.0)

#: How many long lives there are.
LIVES = tried(60)

#: What happens: to which node, to whom there, what name is meant, and how long it is until the next
#: thing does.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 3),
        st.integers(0, 5),
        st.sampled_from(NICKS),
        st.sampled_from(PAUSES),
    ),
    min_size=15,
    max_size=60,
)

Step = tuple[str, int, int, str, float]


def happen(world: ClusterSimulation, step: Step) -> None:
    kind, which, person, nick, seconds = step
    node = world.nodes[which % len(world.nodes)]
    if kind in ACTS:
        node.perform(kind, person, nick)
    elif kind == "faults":
        world.network.faultRate = 0.1 + person / 10
    elif kind == "well":
        world.network.faultRate = 0.0
    elif kind in ("away", "back"):
        world.network.leaderless = kind == "away"
    elif kind == "start":
        if not node.isAlive:
            node.start()
    elif node.isAlive and kind == "freeze":
        node.isFrozen = True
    elif node.isAlive and kind == "thaw":
        node.thaw()
    elif node.isAlive and kind == "cut":
        node.broker.isCut = True
    elif node.isAlive and kind == "mend":
        node.broker.reconnect()
    elif node.isAlive and kind == "slow":
        node.broker.delay = float(person)
    elif kind == "disk":
        node.diskSeconds = 0.01 + person
    elif kind == "die":
        node.kill()
    elif kind == "stop":
        node.stop()
    world.timeline.run(seconds)


def live(count: int, seed: int, small: bool, steps: list[Step]) -> ClusterSimulation:
    with (
        patch("tsservices.cluster.apply.CHECKPOINT_SECONDS", 5.0),
        patch("tsservices.cluster.outbox.MESSAGE_BYTES", 400 if small else 512 * 1024),
        patch("tsservices.cluster.orderer.MAX_BACKLOG", 6 if small else 1000),
    ):
        world = ClusterSimulation(count, seed)
        for step in steps:
            happen(world, step)
        world.heal()
        world.check()
    return world


@settings(max_examples=tried(100), derandomize=True)
@given(st.integers(2, 4), st.integers(0, 1000), st.booleans(), STEPS)
def test_allNodesAgree(count: int, seed: int, small: bool, steps: list[Step]) -> None:
    live(count, seed, small, steps)


def test_longRunsAgreeAndMeetEveryFault() -> None:
    gaps = refused = duplicates = returned = silent = 0
    for seed in range(LIVES):
        chance = Random(seed)
        steps = [
            (
                chance.choice(KINDS),
                chance.randrange(4),
                chance.randrange(6),
                chance.choice(NICKS),
                chance.choice(PAUSES),
            )
            for _ in range(chance.randrange(20, 120))
        ]
        world = live(chance.randrange(2, 5), seed, chance.random() < 0.5, steps)
        for node in world.nodes:
            standing = node.orderer.status()
            gaps += standing.gaps
            duplicates += standing.duplicates
            refused += sum(sum(user.rejected.values()) for user in node.users)
            returned += sum("taken this server for gone" in text for text in node.logLines)
            silent += sum("is silent" in text for text in node.logLines)
    assert min(gaps, refused, duplicates, returned, silent) > LIVES // 4
