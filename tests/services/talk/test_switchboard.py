"""Tests for L{tsservices.services.talk.switchboard} and L{tsservices.services.talk.commands}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tsservices.services.talk.commands import COMMANDS, enter
from tsservices.services.talk.switchboard import (
    ABSENT,
    CLOSED,
    FULL,
    TEXT_OVERHEAD,
    WAITING_IN_ALL,
    OperatorBusy,
    Switchboard,
)


class Desk:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def show(self, line: str) -> None:
        self.lines.append(line)


class Phone:
    def __init__(self, peer: str = "ann") -> None:
        self.peer = peer
        self.reads = True
        self.heard: list[str] = []
        self.paused = False
        self.finished = False

    def say(self, text: str) -> None:
        self.heard.append(text)

    def setPaused(self, paused: bool) -> None:
        self.paused = paused

    def finish(self) -> None:
        self.finished = True


class SwitchboardTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.board = Switchboard("Jack", 100)
        self.desk = Desk()
        self.ann, self.bob = Phone("ann"), Phone("bob")

    def attach(self) -> None:
        self.board.attach(self.desk)
        self.desk.lines.clear()

    def test_bothWays(self) -> None:
        self.attach()
        self.board.arrive(self.ann)
        self.board.receive(self.ann, "hello\n")
        enter(self.board, "good day")
        self.assertEqual(self.desk.lines, ["* [1] ann calls; you talk with them", "[1] hello"])
        self.assertEqual(self.ann.heard, ["good day"])

    def test_callerWithoutOperatorIsNotifiedOnce(self) -> None:
        self.board.arrive(self.ann)
        self.board.receive(self.ann, "hello?")
        self.assertEqual(self.ann.heard, [ABSENT])
        self.attach()
        self.board.detach(self.desk)
        self.board.receive(self.ann, "still there?")
        self.board.receive(self.ann, "anyone?")
        self.assertEqual(self.ann.heard, [ABSENT, ABSENT])

    def test_kept(self) -> None:
        """Also the text of callers who have gone."""
        self.board.arrive(self.ann)
        self.board.arrive(self.bob)
        self.board.receive(self.ann, "one")
        self.board.receive(self.bob, "two\nthree\n")
        self.board.leave(self.bob)
        self.board.attach(self.desk)
        self.assertEqual(
            self.desk.lines,
            [
                "* Jack, you are the operator; /help tells what you can do",
                "[1 ann] one",
                "[2 bob] two",
                "[2 bob] three",
                "* [1] ann",
            ],
        )
        self.desk.lines.clear()
        self.board.detach(self.desk)
        self.board.attach(self.desk)
        self.assertNotIn("[1 ann] one", self.desk.lines)

    def test_waitingTextOfOneCallerIsBounded(self) -> None:
        self.board.arrive(self.ann)
        self.board.receive(self.ann, "x" * 99)
        self.assertFalse(self.ann.paused)
        self.board.receive(self.ann, "é")
        self.assertTrue(self.ann.paused)
        self.attach()
        self.assertFalse(self.ann.paused)

    def test_waitingTextOfAllCallersIsBounded(self) -> None:
        for number in range(WAITING_IN_ALL // 65_536):
            caller = Phone(str(number))
            self.board.arrive(caller)
            self.board.receive(caller, "x" * (65_536 - TEXT_OVERHEAD))
        self.board.arrive(self.ann)
        self.board.receive(self.ann, "me too")
        self.board.receive(self.ann, "and again")
        self.assertEqual(self.ann.heard, [ABSENT, FULL])
        self.assertTrue(self.ann.paused)

    def test_manySmallTexts(self) -> None:
        """What they take in memory is bounded, and not only their bytes."""
        callers = [Phone(str(number)) for number in range(200)]
        for caller in callers:
            self.board.arrive(caller)
        sent = 0
        while not any(FULL in caller.heard for caller in callers):
            for caller in callers:
                self.board.receive(caller, "x")
                sent += 1
        self.assertLess(sent, 10_000)

    def test_oneOperator(self) -> None:
        self.attach()
        second = Desk()
        error = self.assertRaises(OperatorBusy, self.board.attach, second)
        self.assertEqual(str(error), "Jack is on the line already")
        self.board.detach(second)
        self.board.arrive(self.ann)
        self.assertEqual(len(self.desk.lines), 1)

    def test_linesAreLabelledAndHarmless(self) -> None:
        self.attach()
        self.board.arrive(self.ann)
        self.board.receive(self.ann, "a\r\n[2] forged\x1b[2J")
        self.assertEqual(self.desk.lines[1:], ["[1] a", "[1] [2] forged\\x1b[2J"])

    def test_toChoosesTheCaller(self) -> None:
        self.attach()
        self.board.arrive(self.ann)
        self.board.arrive(self.bob)
        enter(self.board, "/to 2")
        enter(self.board, "hi bob")
        self.assertEqual((self.ann.heard, self.bob.heard), ([], ["hi bob"]))
        enter(self.board, "/to 7")
        enter(self.board, "/who")
        self.assertEqual(
            self.desk.lines[-4:],
            [
                "* you talk with [2] bob",
                "* there is no such caller; /who lists them",
                "* [1] ann",
                "* [2] bob; you talk with them",
            ],
        )

    def test_afterSomebodyHasGone(self) -> None:
        """A line for a caller who has gone must not reach another one by mistake."""
        carl = Phone("carl")
        self.attach()
        for caller in (self.ann, self.bob, carl):
            self.board.arrive(caller)
        self.board.leave(self.ann)
        enter(self.board, "secret")
        self.assertEqual(self.desk.lines[-1], "* whom do you mean? /to N chooses")
        self.board.leave(carl)
        enter(self.board, "hello")
        self.assertEqual((self.bob.heard, carl.heard), (["hello"], []))

    def test_firstSpeakerIsChosen(self) -> None:
        self.attach()
        for caller in (self.ann, self.bob):
            self.board.arrive(caller)
        self.board.leave(self.ann)
        self.board.receive(self.bob, "it is me")
        enter(self.board, "hi")
        self.assertEqual(self.bob.heard, ["hi"])

    def test_noCallers(self) -> None:
        self.attach()
        for line in ("hello", "/who", "/close"):
            enter(self.board, line)
        self.assertEqual(self.desk.lines, ["* nobody is there"] * 3)

    def test_all(self) -> None:
        self.attach()
        self.board.arrive(self.ann)
        self.board.arrive(self.bob)
        self.bob.reads = False
        enter(self.board, "/all lunch")
        self.assertEqual((self.ann.heard, self.bob.heard), (["lunch"], []))
        self.assertEqual(
            self.desk.lines[-2:], ["* [2] does not read; this was not sent", "* told 2"]
        )

    def test_close(self) -> None:
        self.attach()
        self.board.arrive(self.ann)
        self.board.arrive(self.bob)
        enter(self.board, "/close 2")
        enter(self.board, "/close")
        for caller in (self.ann, self.bob):
            self.assertEqual(caller.heard, [CLOSED])
            self.assertTrue(caller.finished)
        enter(self.board, "/close 9")
        self.assertIn("no such caller", self.desk.lines[-1])

    def test_twoSlashesAreText(self) -> None:
        self.attach()
        self.board.arrive(self.ann)
        enter(self.board, "//who is there")
        enter(self.board, "/dance\x1b")
        self.assertEqual(self.ann.heard, ["/who is there"])
        self.assertEqual(self.desk.lines[-1], "* there is no command /dance\\x1b; /help lists them")

    def test_helpHasEveryCommand(self) -> None:
        self.attach()
        enter(self.board, "/help")
        shown = "\n".join(self.desk.lines)
        for command in COMMANDS.values():
            self.assertIn(command.usage, shown)
            self.assertIn(command.meaning, shown)

    def test_hold(self) -> None:
        """A console that can't show more pauses callers, new ones too, until it is gone."""
        self.attach()
        self.board.arrive(self.ann)
        self.board.setPaused(True)
        self.board.arrive(self.bob)
        self.assertTrue(self.ann.paused and self.bob.paused)
        self.board.setPaused(False)
        self.assertFalse(self.ann.paused or self.bob.paused)
        self.board.setPaused(True)
        self.board.detach(self.desk)
        self.assertFalse(self.ann.paused or self.bob.paused)
