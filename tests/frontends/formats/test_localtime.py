"""Tests for L{tsservices.frontends.formats.localtime}."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.support.chat_samples import NOON
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime, SystemZone


def test_yearReadsLikeStrftime() -> None:
    local = LocalTime(time.gmtime)
    for second in range(NOON // NANOSECONDS, NOON // NANOSECONDS + 366 * 86_400, 86_399):
        moment, parts = local.moment(second), time.gmtime(second)
        assert moment.clock == time.strftime("%H:%M:%S", parts)
        expected = time.strftime(f"%A {parts.tm_mday} %B %Y", parts)
        assert moment.date == expected
        assert local.minute(second) == time.strftime("%Y-%m-%d %H:%M", parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("out until 2026-11-30 20:05 UTC: why", "out until 2026-12-01 05:05: why"),
        (
            "out until 2026-11-30 20:05 UTC: until 2026-11-30 20:05 UTC",
            "out until 2026-12-01 05:05: until 2026-11-30 20:05 UTC",
        ),
        ("out until 2026-99-30 20:05 UTC",) * 2,
        ("out for ever: 2026-11-30 20:05 UTC",) * 2,
    ],
    ids=["end", "reason", "no time", "for ever"],
)
def test_localEnd(text: str, expected: str) -> None:
    tokyo = LocalTime(lambda second: time.gmtime(second + 9 * 3600))
    assert tokyo.withLocalEnd(text) == expected


@pytest.mark.parametrize("environ", [{}, {"TZ": "Europe/Berlin"}])
def test_zoneOfTheSystem(environ: dict[str, str]) -> None:
    zone = [0]
    found: list[int] = []
    local = LocalTime(lambda second: time.gmtime(second + zone[0]))
    file = Path("localtime")

    def tzset() -> None:
        found.append(zone[0])

    def clock(hours: int) -> str:
        zone[0] = 3600 * hours
        system.refresh()
        return local.moment(NOON // NANOSECONDS).clock

    system = SystemZone(str(file), environ, tzset)
    os.symlink("utc", file)
    Path("utc").write_text("UTC")
    first = clock(0)
    assert clock(0) == first
    # Another target of the link, another file in its place, another content, no file at all.
    Path("berlin").write_text("CET")
    os.unlink(file)
    os.symlink("berlin", file)
    second = clock(1)
    Path("tokyo").write_text("JST-9")
    os.replace("tokyo", file)
    clock(9)
    file.write_text("EST5EDT")
    clock(-5)
    os.unlink(file)
    clock(0)
    if environ:
        assert (found, second) == ([], first)
    else:
        assert found == [3600, 9 * 3600, -5 * 3600, 0]
        assert second != first
