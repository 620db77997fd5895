"""Tests for L{tsservices.chat.login_limits}."""

from __future__ import annotations

from functools import partial

from tsservices.chat.login_limits import (
    ACCOUNT_GUESS_SECONDS,
    ACCOUNT_GUESSES_AT_ONCE,
    GUESS_SECONDS,
    HOMES_REMEMBERED,
    LoginRateLimiter,
)

#: Passwords that may be tried at once from one address.
AT_ONCE = 50


def attack(
    guesses: LoginRateLimiter, account: str, cloak: str, count: int, now: float = 0.0
) -> int:
    allowed = 0
    for _ in range(count):
        if not guesses.takeAttempt(account, cloak, now):
            guesses.failed(account, cloak, now)
            allowed += 1
    return allowed


def enter(guesses: LoginRateLimiter, account: str, cloak: str, now: float = 0.0) -> bool:
    if guesses.takeAttempt(account, cloak, now):
        return False
    guesses.succeeded(account, cloak, now)
    return True


def test_guessesFromOneAddress() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    allowed = sum(attack(guesses, f"a{number}", "~x", 1) for number in range(1000))
    assert allowed == AT_ONCE
    assert guesses.takeAttempt("ann", "~x", 0.0) == GUESS_SECONDS
    assert guesses.takeAttempt("ann", "~x", GUESS_SECONDS - 1) == 1.0
    assert guesses.takeAttempt("ann", "~x", GUESS_SECONDS) == 0
    assert attack(guesses, "ann", "~y", 1) == 1


def test_guessesFromManyAddresses() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    allowed = sum(attack(guesses, "ann", f"~{number}", 1) for number in range(1000))
    assert allowed == ACCOUNT_GUESSES_AT_ONCE
    assert guesses.takeAttempt("ann", "~new", 0.0) == ACCOUNT_GUESS_SECONDS
    attack(guesses, "ann", "~999", 1000)
    others = [attack(guesses, f"b{number}", "~999", 1) for number in range(1000)]
    assert sum(others) == AT_ONCE


def test_ownerGetsInDuringAttack() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    assert enter(guesses, "ann", "~home")
    for cloak in ("~home", "~x", "~y", "~z"):
        attack(guesses, "bob", cloak, 1000)
    for number in range(1000):
        attack(guesses, "ann", f"~{number}", 1)
    assert enter(guesses, "ann", "~home")
    assert not enter(guesses, "ann", "~elsewhere")


def test_guessesFromOwnersAddress() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    assert enter(guesses, "ann", "~home")
    assert attack(guesses, "ann", "~home", 1000) == ACCOUNT_GUESSES_AT_ONCE
    assert not enter(guesses, "ann", "~home")
    assert enter(guesses, "ann", "~home", GUESS_SECONDS)


def test_rightPasswordsCostNothing() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    assert all(enter(guesses, f"a{number % 3}", "~x") for number in range(1000))


def test_manyAccountsBehindOneAddress() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    assert not any(guesses.takeAttempt(f"a{number}", "~x", 0.0) for number in range(AT_ONCE))
    for number in range(AT_ONCE):
        guesses.succeeded(f"a{number}", "~x", 0.0)
    assert guesses.takeAttempt("late", "~x", 0.0) == 0


def test_ownPasswordLiftsNothingForOtherAccounts() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    allowed = 0
    for _ in range(100):
        assert enter(guesses, "mallory", "~x")
        allowed += attack(guesses, "ann", "~x", 1)
    assert allowed <= ACCOUNT_GUESSES_AT_ONCE


def test_concurrentGuessesCount() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    begun = [guesses.takeAttempt("ann", "~x", 0.0) for _ in range(100)]
    assert begun.count(0) == ACCOUNT_GUESSES_AT_ONCE


def test_waitingForOthers() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    called: list[int] = []
    assert not guesses.whenOneEnds("ann", "~x", partial(called.append, 0))
    for _ in range(2):
        guesses.began("ann", "~x")
    assert not guesses.whenOneEnds("ann", "~y", partial(called.append, 0))
    for number in (1, 2):
        assert guesses.whenOneEnds("ann", "~x", partial(called.append, number))
    guesses.ended("ann", "~x")
    assert called == [1, 2]
    assert guesses.whenOneEnds("ann", "~x", partial(called.append, 3))
    guesses.ended("ann", "~x")
    assert called == [1, 2, 3]
    assert not guesses.whenOneEnds("ann", "~x", partial(called.append, 0))


def test_wrongGuessesAreReported() -> None:
    guesses = LoginRateLimiter(AT_ONCE)
    guesses.takeAttempt("ann", "~x", 0.0)
    assert guesses.failed("ann", "~x", 0.0) == 1
    assert guesses.failed("ann", "~y", 0.0) == 2
    assert guesses.succeeded("ann", "~home", 0.0) == 2
    assert guesses.succeeded("ann", "~home", 0.0) == 0
    assert guesses.failed("ann", "~x", 0.0) == 1


def test_memoryIsBounded() -> None:
    guesses = LoginRateLimiter(AT_ONCE, size=50)
    for number in range(1000):
        attack(guesses, f"a{number}", f"~{number}", 1)
        enter(guesses, f"b{number}", f"~b{number}")
    assert len(guesses) <= 4 * 50
    for number in range(HOMES_REMEMBERED + 1):
        assert enter(guesses, "ann", f"~h{number}", 1e6)
    attack(guesses, "ann", "~x", 1, 1e6)
    for number in range(100):
        attack(guesses, "ann", f"~s{number}", 1, 1e6)
    assert not enter(guesses, "ann", "~h0", 1e6)
    assert all(enter(guesses, "ann", f"~h{item}", 1e6) for item in range(1, HOMES_REMEMBERED + 1))


def test_attackedAccountIsNotForgotten() -> None:
    guesses = LoginRateLimiter(AT_ONCE, size=20)
    attack(guesses, "ann", "~x", 1000)
    for number in range(1000):
        attack(guesses, f"a{number}", f"~{number}", 1)
        assert guesses.takeAttempt("ann", "~x", 0.0)
