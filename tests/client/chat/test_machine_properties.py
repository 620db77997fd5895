"""Connections of the chat's client are cut at random: nothing is missing, nothing comes twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.client_world import ClientWorld
from tests.support.examples import tried
from tsservices.client.chat.outbox import parseTyped

#: What is typed: few different lines, so that they are alike.
TYPED = ["yes", "no", "  indented", "//slash", "/me waves", "/msg #den secret", "/msg #lobby yes"]

SELECTIONS = ["/join lobby", "/join den"]

#: What can happen at any moment.
STEPS = st.one_of(
    st.tuples(st.just("type"), st.sampled_from(TYPED)),
    st.tuples(st.just("type"), st.sampled_from(TYPED)),
    st.tuples(st.just("select"), st.sampled_from(SELECTIONS)),
    st.tuples(st.just("say"), st.sampled_from(["lobby", "den"])),
    st.tuples(st.just("serve"), st.integers(1, 12)),
    st.tuples(st.just("deliver"), st.integers(1, 12)),
    st.tuples(st.just("cut"), st.integers(0, 3)),
    st.tuples(st.just("connect"), st.just(0)),
    st.tuples(st.just("ghosts"), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.integers(1, 5)),
    st.tuples(st.just("forget"), st.sampled_from(["lobby", "den"])),
)


def play(world: ClientWorld, steps: list[tuple[str, int | str]]) -> list[str]:
    world.join()
    typed = []
    for step, value in steps:
        if step in ("type", "select"):
            world.type(str(value))
            item = parseTyped(str(value))
            if item is not None and item.kind:
                typed.append(item.body)
        elif step == "say":
            world.bob.say(str(value), "hello")
        elif step == "forget":
            world.server.forget(str(value))
        elif step == "serve" and world.connection is not None:
            world.connection.serve(int(value))
        elif step == "deliver":
            world.deliver(int(value))
        elif step == "cut":
            world.cut(int(value))
        elif step == "connect" and world.connection is None:
            world.connect()
        elif step == "ghosts":
            world.serveGhosts(int(value))
        elif step == "wait":
            world.tick(world.time + int(value))
    world.restore()
    return typed


def checkShown(world: ClientWorld) -> None:
    """Each line was shown once and in order, or is known to be no longer kept."""
    for room in ("lobby", "den"):
        shown = world.view.shown.get(room, [])
        assert shown == sorted(set(shown)), (room, shown)
        expired = world.view.expired.get(room, [])
        numbers = list(range(1, len(world.bob.lines(room)) + 1))
        assert sorted([*shown, *expired]) == numbers, (room, shown, expired)


def checkMessages(world: ClientWorld, typed: list[str]) -> list[str]:
    """Nothing was sent twice or is lost; returns the lines that are known not to be sent."""
    assert world.machine.sender.outbox.idle
    textsIn = [text.strip() for room in ("lobby", "den") for text in world.textsIn(room)]
    unsent = [item.body for item in world.machine.sender.outbox.unsent]
    for text in set(typed) | set(textsIn):
        assert textsIn.count(text) <= typed.count(text)
        assert textsIn.count(text) + unsent.count(text) >= typed.count(text)
    return unsent


class TestCuts:
    @settings(max_examples=tried(400))
    @given(st.lists(STEPS, max_size=40))
    def test_resumedByToken(self, steps: list[tuple[str, int | str]]) -> None:
        world = ClientWorld()
        typed = play(world, steps)
        checkShown(world)
        for room in ("lobby", "den"):
            textsIn = [text.strip() for text in world.textsIn(room)]
            order = iter(typed)
            assert all(any(text == other for other in order) for text in textsIn), (textsIn, typed)
        # What was said and is no longer kept can't be found again.
        unsent = checkMessages(world, typed)
        assert not unsent or any(step == "forget" for step, _ in steps)

    @settings(max_examples=tried(400))
    @given(st.lists(STEPS, max_size=40))
    def test_byName(self, steps: list[tuple[str, int | str]]) -> None:
        """Lines that may have arrived are shown, and never sent twice."""
        world = ClientWorld(older=True)
        typed = play(world, steps)
        checkShown(world)
        checkMessages(world, typed)
