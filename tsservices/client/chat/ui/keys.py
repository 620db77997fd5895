"""The table of keys of the full screen, from which C{/keys} and the manual are made.  Pure."""

from __future__ import annotations

from typing import NamedTuple


class KeyRow(NamedTuple):
    """One row of the table."""

    #: In the notation for users: C{alt-a}.
    keys: tuple[str, ...]
    #: The name of an action of the screen.
    action: str
    meaning: str


KEYS = (
    KeyRow(("alt-a",), "next-active", "the next window with news, the most important first"),
    KeyRow(("ctrl-n", "alt-right", "alt-down", "f6"), "next-window", "the next window"),
    KeyRow(("ctrl-p", "alt-left", "alt-up", "f5"), "previous-window", "the window before"),
    KeyRow(("alt-/",), "last-window", "the window that was seen before"),
    KeyRow(("pageup", "alt-p"), "page-up", "older lines; at the top the server is asked for more"),
    KeyRow(("pagedown", "alt-n"), "page-down", "newer lines"),
    KeyRow(("alt-home",), "scroll-top", "the first line that is here"),
    KeyRow(("alt-end",), "scroll-bottom", "the last line"),
    KeyRow(("alt-l",), "choose-line", "choose a line: see below"),
    KeyRow(("alt-o",), "toggle-names", "show or hide the people at the side"),
    KeyRow(("alt-m",), "toggle-mouse", "have the wheel scroll; again: have the terminal select"),
)

#: Keys that can't be changed, with their meanings.
FIXED = (
    ("Alt-1 ... Alt-9, Alt-0", "window 1 to 9, and 10"),
    ("Tab, Shift-Tab", "complete commands, rooms and names; again: the next one"),
    ("Up, Down", "what was typed in this window"),
    ("Alt-Enter", "a new line in what is typed"),
    ("Ctrl-C", "clear the line"),
    ("Ctrl-D", "on an empty line: leave"),
    ("Ctrl-L", "draw the screen anew"),
    ("Ctrl-Z", "suspend"),
)

#: The keys while a line is chosen.
CHOOSING = "Up Down choose, c copies, d deletes, Enter goes to it, Esc ends"

_NAMES = {
    "pageup": "pageup",
    "pagedown": "pagedown",
    "enter": "enter",
    "space": " ",
    "insert": "insert",
    "backspace": "backspace",
    **{name: name for name in ("up", "down", "left", "right", "home", "end", "delete", "tab")},
    **{f"f{number}": f"f{number}" for number in range(1, 25)},
}

#: Combinations with Ctrl that terminals send as another key, or whose action can't be changed.
_TAKEN = ("c-c", "c-d", "c-m", "c-i", "c-j", "c-h")


def parseKey(text: str) -> tuple[str, ...]:
    """
    Convert a key to prompt_toolkit's notation.

    @raise ValueError: there is no such key, or its action can't be changed.
    """
    before, sign = (text[:-1], "-") if text.endswith("--") else (text, "")
    *modifiers, name = [*filter(None, before.lower().split("-")), *sign] or [""]
    key = _NAMES.get(name, name if len(name) == 1 else "")
    known = {"alt", "ctrl", "shift"}
    if not key or not known.issuperset(modifiers) or len(set(modifiers)) != len(modifiers):
        raise ValueError(f"there is no key {text!r}; keys are written like alt-x, ctrl-t or f5")
    if "ctrl" in modifiers:
        key = f"c-{key}"
    if "shift" in modifiers:
        key = f"s-{key}"
    if key in _TAKEN or (len(key) == 1 and "alt" not in modifiers):
        raise ValueError(f"{text!r} does something else already")
    if "alt" in modifiers and key in [*"0123456789", "enter"]:
        raise ValueError(f"{text!r} does something else already")
    return ("escape", key) if "alt" in modifiers else (key,)


def keysHelp(settings: dict[str, str]) -> list[str]:
    """
    Format the help about keys.

    @param settings: actions or commands by key, from the user's settings.
    """
    lines = [f"{', '.join(row.keys)}: {row.meaning}" for row in KEYS]
    lines += [f"{keys}: {meaning}" for keys, meaning in FIXED]
    lines += [f"{key}: {action} (of your settings)" for key, action in settings.items()]
    return [*lines, f"while a line is chosen: {CHOOSING}"]
