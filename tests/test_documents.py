"""
README.md and docs/*.md: their blocks can be read by the tests, and what they name exists.

L{tests.live.test_documents} runs the blocks.
"""

from __future__ import annotations

import json
import re
import tempfile
import tomllib

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.support.documents import (
    LANGUAGES,
    REASONS,
    ROOT,
    Block,
    blocks,
    blocksIn,
    difference,
    pages,
    pattern,
)
from tsservices.client.chat.ui.typing import SCREEN_COMMANDS, SYNONYMS
from tsservices.frontends.slash.commands import COMMANDS as CHAT_COMMANDS
from tsservices.server.options import Options

#: Commands of the terminal client itself, beside those of the server.
CLIENT_COMMANDS = {command.name for command in SCREEN_COMMANDS} | set(SYNONYMS) | {"logn"}

#: Names of comments that L{tests.support.documents} knows.
COMMENTS = ("not run", "servers", "typed", "screen", "bob", "continued", "file")


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def inLanguage(language: str) -> list[Block]:
    found = [block for block in blocks() if block.language == language]
    assert found, f"there is no block in {language}"
    return found


def parse(options: list[str], block: Block) -> None:
    try:
        Options().parseOptions(options)
    except UsageError as error:
        raise AssertionError(f"{block}: {error}") from None


class DocumentTests(SynchronousTestCase):
    def test_languages(self) -> None:
        for block in blocks():
            self.assertIn(block.language, LANGUAGES, str(block))

    def test_fences(self) -> None:
        for page in pages():
            text = page.read_text(encoding="utf-8")
            fences = re.findall(r"^ *(?:```|~~~)", text, re.MULTILINE)
            self.assertEqual(len(fences), 2 * len(blocksIn(page.name, text)), page.name)
            # Four spaces would be a block too, without a language.
            outside = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
            self.assertEqual(re.findall(r"\n\n {4}\S.*", outside), [], page.name)

    def test_comments(self) -> None:
        for block in blocks():
            for comment in block.comments:
                self.assertIn(comment.partition(":")[0], COMMENTS, str(block))
            reason = block.comment("not run")
            if reason is not None:
                self.assertTrue(reason.startswith(REASONS), f"{block}: {reason}")
                for file in re.findall(r"tests/[\w/.]+\.py", reason):
                    self.assertTrue((ROOT / file).exists(), f"{block}: {file}")

    def test_files(self) -> None:
        for page in pages():
            found = blocksIn(page.name, page.read_text(encoding="utf-8"))
            names = [block.file for block in found if block.file is not None]
            self.assertEqual(len(names), len(set(names)), page.name)
            for name in names:
                self.assertRegex(name, r"^[a-z_]+\.[a-z]+$")

    def test_toml(self) -> None:
        for block in inLanguage("toml"):
            tomllib.loads(block.text)
            if block.comment("not run") is None and block.file is None:
                with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                    file.write(block.text)
                    file.flush()
                    parse(["--config", file.name], block)

    def test_json(self) -> None:
        for block in inLanguage("json"):
            for line in block.text.splitlines():
                self.assertIsInstance(json.loads(line), dict, str(block))

    def test_python(self) -> None:
        for block in inLanguage("python"):
            compile(block.text, str(block), "exec")

    def test_links(self) -> None:
        for page in (*pages(), ROOT / "CHANGELOG.md"):
            text = page.read_text(encoding="utf-8")
            for link, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text):
                if "://" in link:
                    continue
                target = page.parent / link if link else page
                self.assertTrue(target.exists(), f"{page.name}: {link}")
                if anchor:
                    names = anchors(target.read_text(encoding="utf-8"))
                    self.assertIn(anchor, names, f"{page.name}: {link}")

    def test_paths(self) -> None:
        folders = "|".join(("benchmarks", "deploy", "docs", "tests", "tsservices"))
        for page in (*pages(), ROOT / "CHANGELOG.md"):
            text = page.read_text(encoding="utf-8")
            named = re.findall(rf"(?<![\w/.~-])((?:{folders})/[\w./-]*\w)", text)
            for path in named:
                self.assertTrue((ROOT / path).exists(), f"{page.name}: {path}")
            for module in re.findall(r"(?:-m |`)((?:benchmarks|tsservices)\.[\w.]*\w)", text):
                path = ROOT / module.replace(".", "/")
                exists = path.is_dir() or path.with_suffix(".py").exists()
                # The name of the audit log's logger is not that of a module.
                self.assertTrue(exists or module == "tsservices.audit", f"{page.name}: {module}")

    def test_commandsOfTheChat(self) -> None:
        text = (ROOT / "docs" / "chat.md").read_text(encoding="utf-8")
        named = set(re.findall(r"`/([a-z]+)\b", text))
        self.assertEqual(named - set(CHAT_COMMANDS) - CLIENT_COMMANDS, set())
        self.assertTrue(named)


class ReadingTests(SynchronousTestCase):
    def test_block(self) -> None:
        page = "a\n\n<!-- lost -->\n\n<!-- bob: x -->\n<!-- typed:\na\nb: c\n-->\n```sh\nls\n```\n"
        (block,) = blocksIn("p.md", page)
        self.assertEqual((block.line, block.language, block.text), (10, "sh", "ls\n"))
        self.assertEqual(block.typed, ["a", "b: c"])
        self.assertEqual(block.comment("bob"), "x")
        self.assertIsNone(block.comment("not run"))

    def test_indented(self) -> None:
        (block,) = blocksIn("p.md", "- a\n\n  ```toml\n  b = 1\n  ```\n")
        self.assertEqual((block.language, block.text), ("toml", "b = 1\n"))

    def test_pattern(self) -> None:
        for line, other, same in (
            ("[Fri Nov 20 12:10:00 2026] a", "[Sun Nov  1 00:00:00 2037] a", True),
            ("| * Saturday 21 November 2026", "| * Sunday 1 May 2027", True),
            ("[12:10:05] <bob> a", "[23:59:59] <bob> a", True),
            ("net=0.004 up=-1.5 ms", "net=12.5 up=0.3 ms", True),
            ("[1] 127.0.0.1:51234 calls", "[1] 127.0.0.1:40000 calls", True),
            ("a ... z", "a b c z", True),
            ("2 lines", "3 lines", False),
            ("seq=0 ttl=64", "seq=1 ttl=64", False),
            ("[12:10:05] <bob> a", "[12:10:05] <ann> a", False),
            ("127.0.0.1:51234", "127.0.0.2:51234", False),
            ("a.c", "abc", False),
        ):
            self.assertIs(pattern(line).fullmatch(other) is not None, same, line)

    def test_difference(self) -> None:
        self.assertEqual(difference(["a", "...", "d"], ["a", "b", "c", "d"]), "")
        self.assertEqual(difference(["...", "d"], ["d"]), "")
        self.assertEqual(difference(["a", "..."], ["a", "b"]), "")
        self.assertIn("is not in the page", difference(["a"], ["a", "b"]))
        self.assertIn("no line like 'b'", difference(["a", "b"], ["a"]))
        self.assertIn("in place of 'a'", difference(["a"], ["b"]))
