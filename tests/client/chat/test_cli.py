"""Tests for L{tsservices.client.chat.cli}."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tsservices.client.chat.cli import (
    CHAT_OFFSET,
    ChatOptions,
    asker,
    parseChat,
    passwordOf,
    userName,
)
from tsservices.client.cli import parseArguments
from tsservices.client.server_options import TLSOptions
from tsservices.client.token_file import LOOPBACK, TokenFile
from tsservices.client.trust import TrustOptions
from tsservices.common.tokens import TOKEN_BYTES, newToken
from tsservices.server.registry import BY_NAME

TOKEN = newToken(bytes(TOKEN_BYTES))


def parse(
    line: str, environ: dict[str, str] | None = None, ask: Callable[[str], str] | None = None
) -> ChatOptions:
    return parseChat(line.split(), environ or {}, ask, lambda: "/state")


def refused(line: str, environ: dict[str, str] | None = None) -> str:
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as ended:
        parse(line, environ)
    assert ended.value.code == 2
    return errors.getvalue()


class TestParse:
    def test_defaults(self) -> None:
        assert parse("") == ChatOptions(state="/state")
        assert BY_NAME["chat"].offset == CHAT_OFFSET

    def test_all(self) -> None:
        line = "::1 --port 7 --nick Ann --room #den --room den --room b --json --no-bell"
        assert parse(f"{line} --state s --timeout 3") == ChatOptions(
            "::1", 7, "Ann", ("den", "b"), "", "", True, False, "s", 3.0
        )

    def test_encrypted(self) -> None:
        tls = TLSOptions(TrustOptions(fingerprint="aa" * 32), "s")
        line = f"tls://h --tls-fingerprint {'aa' * 32} --state s"
        assert parse(line) == ChatOptions("h", 21673, state="s", tls=tls)
        own = TLSOptions(folder="/state")
        assert parse("--tls") == ChatOptions(port=21673, state="/state", tls=own)

    def test_passwordSources(self, tmp_path: Path) -> None:
        path = tmp_path / "password"
        path.write_text("\ufefffrom file\nmore\n")
        path.chmod(0o600)
        environ = {"TSSERVICES_PASSWORD": "from environment"}
        assert parse(f"--account ann --password-file {path}", environ).password == "from file"
        assert parse("--account ann", environ).password == "from environment"
        options = parse("--account ann", ask=lambda text: f"[{text}]")
        assert options.password == "[password of ann: ]"
        assert "password" not in repr(options)

    def test_keptToken(self, tmp_path: Path) -> None:
        def fail(question: str) -> str:
            raise AssertionError(question)

        line = f"--account ann --state {tmp_path}"
        tokens = TokenFile(str(tmp_path), "127.0.0.1", 21573, pytest.fail)
        tokens.binding = LOOPBACK
        tokens.keep("ann", TOKEN)
        assert parse(f"{line} --remember", ask=fail).password == ""
        assert parse(line).password == ""
        assert parse(line, {"TSSERVICES_PASSWORD": "given"}).password == "given"
        assert parse(f"{line} --port 7", ask=lambda text: text).password == "password of ann: "
        # To revoke it at the server takes the password, which may be left out.
        options = parse(f"{line} --forget", ask=lambda text: text[-18:])
        assert (options.forget, options.password) == (True, " (empty: do not): ")
        assert parse(f"{line} --port 7 --forget", ask=fail).forget
        (tmp_path / "tokens").chmod(0o644)
        assert "chmod 600 it" in refused(line)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("--remember", "--remember and --forget need --account"),
            ("--forget", "--remember and --forget need --account"),
            ("--account a --remember --forget", "not allowed with argument --remember"),
            ("--nick a.b", "argument --nick: a name is made of"),
            ("--room #", "argument --room: a name has at least"),
            ("--account ann", "--account needs a password"),
            ("--account ann --nick bob", "--account goes without --nick"),
            ("--password-file x", "--password-file needs --account"),
            ("--account ann --password-file /nowhere", "can't be read: No such file"),
            ("--port 0", "is no port"),
            ("tls://h:0", "is no port"),
            ("a b", "unrecognized arguments: b"),
            ("--jso", "unrecognized arguments"),
        ],
    )
    def test_refuses(self, line: str, message: str) -> None:
        assert message in refused(line)

    @pytest.mark.parametrize(
        ("content", "mode", "message"),
        [
            (b"x", 0o640, "others may read"),
            (b"x", 0o604, "others may read"),
            (b"\n", 0o600, "is empty"),
            (b"\xff\n", 0o600, "is not UTF-8"),
        ],
    )
    def test_badPasswordFiles(
        self, tmp_path: Path, content: bytes, mode: int, message: str
    ) -> None:
        path = tmp_path / "password"
        path.write_bytes(content)
        path.chmod(mode)
        with pytest.raises(ValueError, match=message):
            passwordOf(str(path), os.getuid())

    def test_noFile(self) -> None:
        with pytest.raises(ValueError, match=r"is no file|can't be read"):
            passwordOf(os.devnull, os.getuid())

    def test_interrupted(self) -> None:
        def ask(text: str) -> str:
            raise KeyboardInterrupt

        with pytest.raises(SystemExit) as ended:
            parse("--account ann", ask=ask)
        assert ended.value.code == 130

    def test_helpNamesAllOptions(self) -> None:
        for ask, words in (
            (parseChat, ("--account", "--json", "130", "NO_COLOR", "--remember", "--forget")),
            (parseArguments, ("chat --help",)),
        ):
            out = io.StringIO()
            with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
                ask(["--help"])
            assert not ended.value.code
            assert all(word in out.getvalue() for word in words)


class TestPeople:
    def test_userName(self) -> None:
        assert userName({"USER": "ann"}) == "ann"
        assert userName({"LOGNAME": "bob"}) == "bob"
        assert userName({"USER": "a.b"}) == userName({}) == "guest"

    def test_asker(self) -> None:
        assert asker(lambda descriptor: True) is not None
        assert asker(lambda descriptor: descriptor == 0) is None
