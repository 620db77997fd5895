"""
Connections of the chat's client are cut at random: nothing is missing, nothing comes
twice.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.client_world import World
from tests.support.examples import tried
from tsservices.client.chat.outbox import read

#: What is typed: few different lines, so that they are alike.
TYPED = ["yes", "no", "  indented", "//slash", "/me waves", "/msg #den secret", "/msg #lobby yes"]

TURNS = ["/join lobby", "/join den"]

#: What can happen at any moment.
STEPS = st.one_of(
    st.tuples(st.just("type"), st.sampled_from(TYPED)),
    st.tuples(st.just("type"), st.sampled_from(TYPED)),
    st.tuples(st.just("turn"), st.sampled_from(TURNS)),
    st.tuples(st.just("other"), st.sampled_from(["lobby", "den"])),
    st.tuples(st.just("serve"), st.integers(1, 12)),
    st.tuples(st.just("deliver"), st.integers(1, 12)),
    st.tuples(st.just("cut"), st.integers(0, 3)),
    st.tuples(st.just("connect"), st.just(0)),
    st.tuples(st.just("ghosts"), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.integers(1, 5)),
    st.tuples(st.just("forget"), st.sampled_from(["lobby", "den"])),
)


def play(world: World, steps: list[tuple[str, int | str]]) -> list[str]:
    world.connect()
    world.settle()
    said = []
    for what, how in steps:
        if what in ("type", "turn"):
            world.link.input(str(how), world.now)
            item = read(str(how))
            if item is not None and item.kind:
                said.append(item.body)
        elif what == "other":
            world.chat.say(str(how), "bob", "hello")
        elif what == "forget":
            room = world.chat.rooms[str(how)]
            room.first = len(room.lines) + 1
        elif what == "serve" and world.session is not None:
            world.session.serve(int(how))
        elif what == "deliver":
            world.deliver(int(how))
        elif what == "cut":
            world.cut(int(how))
        elif what == "connect" and world.session is None:
            world.connect()
        elif what == "ghosts":
            for each in world.ghosts:
                each.serve(int(how))
        elif what == "wait":
            world.now += int(how)
            world.link.tick(world.now)
    world.restore()
    return said


def checkShown(world: World) -> None:
    """See that each line was shown once and in order, or is known to be no longer kept."""
    for name, room in world.chat.rooms.items():
        shown = world.view.shown.get(name, [])
        assert shown == sorted(set(shown)), (name, shown)
        gone = world.view.gone.get(name, [])
        assert sorted([*shown, *gone]) == list(range(1, len(room.lines) + 1)), (name, shown, gone)


class TestCuts:
    """Connections that are cut."""

    @settings(max_examples=tried(400))
    @given(st.lists(STEPS, max_size=40))
    def test_resumed(self, steps: list[tuple[str, int | str]]) -> None:
        """
        A server with tokens: every line is shown once, and every own line is said once,
        in the order in which it was typed.
        """
        world = World()
        said = play(world, steps)
        checkShown(world)
        for room in world.chat.rooms:
            mine = world.said(room)
            kept = [text.strip() for text in mine]
            order = iter(said)
            assert all(any(text == each for each in order) for text in kept), (room, kept, said)
        outbox = world.link.exchange.outbox
        assert outbox.idle
        everywhere = [text.strip() for room in world.chat.rooms for text in world.said(room)]
        # What was said and is no longer kept can't be found again.
        unsure = [item.body for item in outbox.unsent]
        assert not unsure or any(what == "forget" for what, _ in steps)
        for text in set(said) | set(everywhere):
            assert everywhere.count(text) <= said.count(text)
            assert everywhere.count(text) + unsure.count(text) >= said.count(text)

    @settings(max_examples=tried(400))
    @given(st.lists(STEPS, max_size=40))
    def test_byName(self, steps: list[tuple[str, int | str]]) -> None:
        """A server without: what is not known to be said is told, and never said twice."""
        world = World(modern=False)
        said = play(world, steps)
        checkShown(world)
        everywhere = [text.strip() for room in world.chat.rooms for text in world.said(room)]
        unsent = [item.body for item in world.link.exchange.outbox.unsent]
        assert world.link.exchange.outbox.idle
        for text in set(said) | set(everywhere):
            assert everywhere.count(text) <= said.count(text)
            assert everywhere.count(text) + unsent.count(text) >= said.count(text)
