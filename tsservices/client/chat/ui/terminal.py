"""A prompt with line editing, and lines printed above it, by prompt_toolkit."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition, is_searching
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import (
    ConditionalKeyBindings,
    KeyBindings,
    KeyBindingsBase,
    KeyPressEvent,
)
from prompt_toolkit.output import Output
from prompt_toolkit.output.vt100 import Vt100_Output

from tsservices.client.chat.ui.files.history import InputHistory, keepable
from tsservices.client.chat.ui.rows import SEQUENCE, SEQUENCE_COLUMNS
from tsservices.client.chat.ui.status import promptWaits
from tsservices.client.chat.ui.toolkit import WholeEmoji, ignoreAccepting, isIndent, resumed

BELL = "\a"


class _Completer(Completer):
    def __init__(self, complete: Callable[[str], tuple[int, list[str]]]) -> None:
        self._complete = complete

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        length, completions = self._complete(document.text_before_cursor)
        return [Completion(word, -length, display=word.strip()) for word in completions]


class _History(History):
    def __init__(self, saved: InputHistory) -> None:
        super().__init__()
        self._saved = saved

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._saved.load())

    def append_string(self, string: str) -> None:
        # A paste has several lines, one of which may contain a password.
        for line in string.split("\n"):
            if keepable(line):
                super().append_string(line)

    def store_string(self, string: str) -> None:
        self._saved.keep(string)


class Screen(Vt100_Output):
    """
    A terminal output without cursor position requests, which stay visible on terminals that do not
    answer them.
    """

    @classmethod
    def open(cls) -> Vt100_Output:
        """Open the terminal of this process."""
        screen = cls.from_pty(sys.stdout, term=os.environ.get("TERM"))
        screen.enable_cpr = False
        return screen

    def write(self, data: str) -> None:
        """Write text; after an emoji of several characters, correct the position of the cursor."""
        if len(data) > 1 and SEQUENCE.fullmatch(data):
            # Terminals differ in the width of such an emoji.
            blank = " " * SEQUENCE_COLUMNS
            self.write_raw(f"\x1b7{blank}\x1b8\x1b7{data}\x1b8\x1b[{SEQUENCE_COLUMNS}C")
        else:
            super().write(data)

    def get_rows_below_cursor_position(self) -> int:
        # One row is certain, and prompt_toolkit scrolls for more.  Without this override, and
        # without cursor position requests, it would not show the line below the prompt.
        return 1


class Terminal:
    """
    A permanent prompt, with lines printed above it and a status line below.

    The user of this class sets the attributes.

    @ivar typed: takes each typed line.
    @ivar quit: called for Ctrl-D on an empty line, and when the terminal has closed.
    @ivar complete: returns completions for the line up to the cursor.
    @ivar status: returns the line below the prompt.
    @ivar prompt: returns the prompt text.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        keys: Input,
        screen: Output,
        history: InputHistory,
    ) -> None:
        self.typed: Callable[[str], None] = lambda line: None
        self.quit: Callable[[], None] = lambda: None
        self.complete: Callable[[str], tuple[int, list[str]]] = lambda before: (0, [])
        self.status: Callable[[], str] = lambda: " connecting "
        self.prompt: Callable[[], str] = lambda: "> "
        self._loop = loop
        self._output = screen
        # The prompt for a secret, and the same once it takes the keys.
        self._asked = self._secret = ""
        # The line that was being typed when the prompt for the secret came.
        self._held = Document()
        self._unprinted = ""
        self._running: asyncio.Task[str] | None = None
        self._session: PromptSession[str] = PromptSession(
            lambda: self._secret or self.prompt(),
            input=keys,
            output=screen,
            history=_History(history),
            completer=_Completer(self._completions),
            complete_while_typing=False,
            is_password=Condition(lambda: bool(self._secret)),
            bottom_toolbar=self._toolbar,
            input_processors=[WholeEmoji()],
            key_bindings=self._bindings(),
            enable_suspend=True,
            erase_when_done=True,
        )

    @property
    def buffer(self) -> Buffer:
        """The line being typed."""
        return self._session.default_buffer

    def start(self) -> None:
        """Show the prompt."""
        self._running = self._loop.create_task(
            self._session.prompt_async(handle_sigint=False, set_exception_handler=False)
        )
        self._running.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[str]) -> None:
        # Either the terminal has closed, or C{stop} has ended the prompt.
        if not task.cancelled():
            task.exception()
        if self._running is not None:
            self._running = None
            self.quit()

    async def drawn(self) -> None:
        """Show the prompt, and wait until it is drawn."""
        first: asyncio.Future[None] = self._loop.create_future()

        def rendered(sender: object) -> None:
            if not first.done():
                first.set_result(None)

        self._session.app.after_render += rendered
        self.start()
        await first
        self._session.app.after_render -= rendered

    async def stop(self) -> None:
        """Remove the prompt from the screen, and restore the terminal."""
        running, self._running = self._running, None
        if running is not None:
            if self._session.app.is_running:
                self._session.app.exit(result="")
            else:
                running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        self._printNow()

    def show(self, text: str, bell: bool) -> None:
        """Print a line above the prompt."""
        waiting = bool(self._unprinted)
        self._unprinted += f"{BELL if bell else ''}{text}\n"
        if self._running is None:
            self._printNow()
        elif not waiting:
            self._loop.call_soon(self._printAbove)

    def ask(self, text: str) -> None:
        """@param text: the prompt for a secret; empty: the prompt ends."""
        self._asked = f"{text.rstrip(': ')}: " if text else ""
        if self._secret and not text:
            self._secret, self.buffer.document = "", self._held
        elif text and (self._secret or not self.buffer.text):
            # A line that is being typed must not be sent as the secret.
            self._turnToSecret()
        self.redraw()

    def _turnToSecret(self) -> None:
        if not self._secret:
            self._held = self.buffer.document
            self.buffer.reset()
        self._secret = self._asked

    def _toolbar(self) -> str:
        return promptWaits(self._asked) if self._asked and not self._secret else self.status()

    def resumed(self) -> None:
        """Draw the prompt again after the process was stopped."""
        resumed(self._session.app)

    def redraw(self) -> None:
        """Redraw the prompt and the status line."""
        self._session.app.invalidate()

    def _completions(self, before: str) -> tuple[int, list[str]]:
        return (0, []) if self._secret else self.complete(before)

    def _printAbove(self) -> None:
        # Not by prompt_toolkit's run_in_terminal, which restores the terminal meanwhile, so that it
        # would echo typed characters.
        if self._session.app.is_running:
            self._session.app.renderer.erase()
        self._printNow()
        self.redraw()

    def _printNow(self) -> None:
        text, self._unprinted = self._unprinted, ""
        if text:
            self._output.write_raw(text.replace("\n", "\r\n"))
            self._output.flush()

    def _bindings(self) -> KeyBindingsBase:
        bindings = KeyBindings()
        ignoreAccepting(bindings)

        @bindings.add("enter")
        def enter(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if self._asked and not self._secret:
                self._turnToSecret()
                return
            text = buffer.text
            # After this line the prompt for the secret ends, so check it first.
            buffer.reset(append_to_history=not self._secret)
            for line in text.split("\n"):
                self.typed(line)

        @bindings.add("escape", "enter")
        def newLine(event: KeyPressEvent) -> None:
            if not self._secret:
                event.current_buffer.insert_text("\n")

        @bindings.add("tab")
        def complete(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if buffer.complete_state is not None:
                buffer.complete_next()
                return
            length, completions = self._completions(buffer.document.text_before_cursor)
            if isIndent(event):
                buffer.insert_text("\t")
            elif len(completions) == 1:
                # At once, because the next characters may have been typed already.
                buffer.delete_before_cursor(length)
                buffer.insert_text(completions[0])
            elif completions:
                buffer.start_completion(select_first=True)

        @bindings.add("c-c")
        def clear(event: KeyPressEvent) -> None:
            event.current_buffer.reset()

        @bindings.add("c-d", filter=Condition(lambda: not self.buffer.text))
        def leave(event: KeyPressEvent) -> None:
            self.quit()

        # While the history is searched, keys belong to the search.
        return ConditionalKeyBindings(bindings, ~is_searching)
