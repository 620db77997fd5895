"""What the programs say of themselves, and how they end."""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import sys
import warnings
from collections.abc import Sequence
from unittest.mock import patch

#: What is called, and the module with its words; none of it starts anything.
CALLS: dict[str, tuple[str, ...]] = {
    "twistd tsserver --help": ("twisted", "tsserver", "--help"),
    "tsservices --help": ("tsservices", "--help"),
    "tsservices --version": ("tsservices", "--version"),
    "tsservices backup --help": ("tsservices", "backup", "--help"),
    "tsservices export --help": ("tsservices", "export", "--help"),
    "client --help": ("tsservices.client", "--help"),
    "client chat --help": ("tsservices.client", "chat", "--help"),
    "client talk --help": ("tsservices.client", "talk", "--help"),
    "client talk --operator --help": ("tsservices.client", "talk", "--operator", "--help"),
    "client probe --help": ("tsservices.client", "probe", "--help"),
    "tsservices --nope": ("tsservices", "--nope"),
    "tsservices --port 99999": ("tsservices", "--port", "99999"),
    "tsservices --services nope": ("tsservices", "--services", "nope"),
    "tsservices --journal disk": ("tsservices", "--journal", "disk"),
    "tsservices backup": ("tsservices", "backup"),
    "tsservices backup --state . copy": ("tsservices", "backup", "--state", "empty", "copy"),
    "tsservices export --state . lobby": ("tsservices", "export", "--state", "empty", "lobby"),
    "tsservices export --since x lobby": ("tsservices", "export", "--since", "x", "lobby"),
    "client --nope": ("tsservices.client", "--nope"),
    "client --port x": ("tsservices.client", "--port", "x"),
    "client chat --nope": ("tsservices.client", "chat", "--nope"),
    "client chat --room ?": ("tsservices.client", "chat", "--room", "?"),
    "client talk --nope": ("tsservices.client", "talk", "--nope"),
    "client probe": ("tsservices.client", "probe"),
    "client probe -c 0 ::1": ("tsservices.client", "probe", "-c", "0", "::1"),
}


def call(words: Sequence[str]) -> str:
    module, *arguments = words
    names = {"twisted": "/bin/twistd", "tsservices": "tsservices"}
    said = io.StringIO()
    environ = {**os.environ, "COLUMNS": "80", "STATE_DIRECTORY": "/state"}
    status: object = 0
    with (
        patch.object(sys, "argv", [names.get(module, module), *arguments]),
        patch.dict(os.environ, environ),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        warnings.catch_warnings(),
    ):
        try:
            if module == "twisted":
                from twisted.scripts.twistd import run

                run()
            else:
                # It may be imported already, by other tests.
                warnings.simplefilter("ignore", RuntimeWarning)
                runpy.run_module(f"{module}.__main__", run_name="__main__")
        except SystemExit as end:
            status = end.code
    text = said.getvalue().replace(os.getcwd(), "/here")
    if status:
        # What stands before it is the help again.
        text = text.rstrip().rpartition("\n")[2]
    return f"{text.rstrip()}\n[exit status {status}]\n"


def unbroken(text: str) -> str:
    text = re.sub(r"(?<=^tsservices )\d\S+", "VERSION", text)
    text = re.sub(r"-(\w) (\S+), --([\w-]+) \2", r"-\1, --\3 \2", text)
    text = re.sub(r"'([^' ]+)'(?=[,)])", r"\1", text)
    return " ".join(text.split())
