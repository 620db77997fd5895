"""Tests for L{tsservices.server.privileges}, with a process that becomes nobody."""

from __future__ import annotations

import os

import pytest

from tsservices.server.privileges import actingAs

#: A user that no system has a name for.
USER = 54_321


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    calls: list[tuple[str, object]] = []
    for name in ("seteuid", "setegid", "setgroups"):
        monkeypatch.setattr(os, name, lambda value, name=name: calls.append((name, value)))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getegid", lambda: 1)
    monkeypatch.setattr(os, "getgroups", lambda: [1, 2])
    return calls


@pytest.mark.parametrize(
    ("user", "group", "expected"),
    [
        (-1, -1, []),
        (USER, -1, [("setgroups", [1]), ("seteuid", USER)]),
        (USER, 8, [("setgroups", [8]), ("setegid", 8), ("seteuid", USER)]),
        (-1, 8, [("setgroups", [8]), ("setegid", 8)]),
    ],
)
def test_andBack(
    became: list[tuple[str, object]], user: int, group: int, expected: list[tuple[str, object]]
) -> None:
    with actingAs(user, group):
        during = became[:]
    assert during == expected
    back = [("seteuid", 0), ("setegid", 1), ("setgroups", [1, 2])]
    assert became[len(during) :] == (back if expected else [])


def test_withoutTheRight(became: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(groups: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setgroups", refuse)
    with actingAs(USER, 8):
        assert became == []


def test_notRoot(became: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    with actingAs(USER, 8):
        pass
    assert became == []
