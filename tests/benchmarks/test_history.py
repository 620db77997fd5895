"""Tests for L{benchmarks.history}."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.common.tables import document
from benchmarks.history import (
    CELLS,
    FILE,
    PICTURE,
    Entry,
    entriesOf,
    main,
    merged,
    picture,
    read,
    write,
)
from tests.support.benchmarks import chatted, sampled

ENTRY = Entry("abc1234", "2026-11-30", "tcp-64c-64b", "uvloop", 1.25, 0.8)


def test_ratios() -> None:
    samples = []
    for turn, (ours, theirs) in enumerate(((110, 100), (60, 50), (130, 100))):
        for peer, rate in (("tsservices", ours), ("uvloop", theirs)):
            sample = sampled(peer, turn, 1.0)
            samples.append(replace(sample, load=replace(sample.load, requests=rate)))
    samples.append(sampled("tsservices", 3, 1.0))
    samples.append(sampled("tsservices", 0, 1.0, "tcp-1c-64b"))
    run = json.loads(json.dumps(document(samples, [], {})))
    (entry,) = entriesOf(run, "abc1234", "2026-11-30")
    assert entry == Entry("abc1234", "2026-11-30", "tcp-64c-64b", "uvloop", 1.2, 0.833)


def test_chat() -> None:
    samples = [chatted(peer, 0, 1.0, "200m-1w-1s") for peer in ("memory", "fanout", "inspircd")]
    run = json.loads(json.dumps(document(samples, [], {})))
    assert [asdict(entry) for entry in entriesOf(run, "a", "b")] == [
        asdict(Entry("a", "b", "200m-1w-1s", "fanout", 1.0, 1.0))
    ]


@pytest.mark.parametrize("run", [{}, [], {"samples": 1}, {"samples": [{}]}, {"samples": []}])
def test_noRun(run: object) -> None:
    with pytest.raises(ValueError, match=r"not what --json|no cell"):
        entriesOf(run, "abc1234", "2026-11-30")  # type: ignore[arg-type]


def test_again() -> None:
    """A second run of a commit replaces the first, and nothing else."""
    other = replace(ENTRY, commit="def5678")
    again = replace(ENTRY, rate=1.5)
    assert merged([ENTRY, other], [again]) == [other, again]


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    assert read(path) == []
    write(path, [ENTRY])
    assert read(path) == [ENTRY]
    path.write_text(path.read_text() + "def,2026-11-30,tcp-64c-64b,uvloop,fast,1\n")
    with pytest.raises(ValueError, match=r"history\.csv, line 3"):
        read(path)


@pytest.mark.parametrize("commits", [1, 2, 7])
def test_picture(commits: int) -> None:
    entries = [replace(ENTRY, commit=f"c{number}") for number in range(commits)]
    root = ElementTree.fromstring(picture(entries))
    space = "{http://www.w3.org/2000/svg}"
    points = list(root.iter(f"{space}circle"))
    assert len(points) == commits
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for point in points:
        assert 0 < float(point.get("cx", "")) < width
        assert 0 < float(point.get("cy", "")) < height
    assert ElementTree.fromstring(picture([])) is not None


def test_ofThisProject() -> None:
    """The picture is that of the file."""
    entries = read(FILE)
    assert {entry.cell for entry in entries} <= set(CELLS)
    assert len({entry.commit for entry in entries}) >= 4
    assert PICTURE.read_text() == picture(entries)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "run.json"
    bad.write_text("{")
    places = ["--file", str(tmp_path / "h.csv"), "--picture", str(tmp_path / "h.svg")]
    with pytest.raises(SystemExit):
        main([str(bad), "--commit", "no-such-commit", *places])
    assert "error" in capsys.readouterr().err
    assert main(places) == 0
    assert (tmp_path / "h.svg").exists()
    assert not (tmp_path / "h.csv").exists()
