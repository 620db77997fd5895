"""What people and programs read, and what they can ask for, is written as it was."""

from __future__ import annotations

import pytest

from tests.compatibility import current
from tests.compatibility.files import read
from tests.compatibility.programs import CALLS, call, unbroken

#: Options that have been added since, with their help.
LATER = {
    "load": "--load= MODULE: a service of your own to be had by its name; may be given again",
}


@pytest.mark.parametrize("form", ["json", "text", "text of one room"])
def test_bytesOfNotifications(form: str) -> None:
    assert current.notifications()[form] == read("notifications.json")[form]


def test_codesAndTextsOfErrors() -> None:
    assert current.errors() == read("errors.json")


def test_optionsBoundsAndDefaults() -> None:
    options = current.options()
    for key in LATER:
        del options["defaults"][key]
    assert options == read("options.json")


@pytest.mark.parametrize("name", CALLS)
def test_outputAndStatusOfPrograms(name: str) -> None:
    text = unbroken(call(CALLS[name]))
    for help in LATER.values():
        text = text.replace(f" {help}", "")
    assert text == unbroken("\n".join(read("programs.json")[name]))
