"""
The full screen on a terminal, by prompt_toolkit: passes keys to the model, and draws the model's
rows on the terminal.

prompt_toolkit's own text control is not used for the lines: with 10,000 of them it took 0.9 s for
each new line, and 363 MB.  The model returns the visible rows only.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text.base import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.layout import BufferControl, HSplit, Layout, UIContent, UIControl, Window
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.processors import (
    BeforeInput,
    ConditionalProcessor,
    PasswordProcessor,
)
from prompt_toolkit.mouse_events import MouseEvent, MouseEventType
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Attrs, DummyStyle

from tsservices.client.chat.ui.bars import inputPrompt
from tsservices.client.chat.ui.completion import CompletionCycle, completions
from tsservices.client.chat.ui.draft import Typed
from tsservices.client.chat.ui.model import ScreenModel
from tsservices.client.chat.ui.palette import Palette
from tsservices.client.chat.ui.screen_keys import screenBindings
from tsservices.client.chat.ui.toolkit import Cells, WholeEmoji, resized, resumed
from tsservices.client.chat.ui.windows.window import WindowKind

#: The shortest time between two redraws for new lines, in seconds: nobody can read faster.
REDRAW_SECONDS = 0.1

#: The most rows of the text being typed.
INPUT_ROWS = 6

#: The most characters in the input with a paste; longer texts need a pipe.
PASTED_CHARACTERS = 64 * 1024

#: Within these seconds, bytes after Esc belong to the same key: terminals send Alt keys at once.
ESCAPE_SECONDS = 0.1

#: Within these seconds, a key pressed after Esc counts as pressed with Alt.
ALT_SECONDS = 0.5

#: Rows per step of the mouse wheel.
WHEEL_ROWS = 3

_DEPTHS = {0: ColorDepth.DEPTH_1_BIT, 8: ColorDepth.DEPTH_4_BIT, 256: ColorDepth.DEPTH_8_BIT}


class LinesControl(UIControl):
    """The control for the rows above the input line, which the model draws."""

    def __init__(self, model: ScreenModel, palette: Palette) -> None:
        self._model = model
        self._palette = palette

    def create_content(self, width: int, height: int) -> UIContent:
        palette = self._palette
        rows: list[StyleAndTextTuples] = [
            [(palette[style], text if text.isascii() else Cells(text)) for style, text in row]
            for row in self._model.drawn(width, height)
        ]
        return UIContent(rows.__getitem__, len(rows), show_cursor=False)

    def is_focusable(self) -> bool:
        return False

    def mouse_handler(self, mouse_event: MouseEvent) -> None:
        if mouse_event.event_type is MouseEventType.SCROLL_UP:
            self._model.scroll(WHEEL_ROWS)
        elif mouse_event.event_type is MouseEventType.SCROLL_DOWN:
            self._model.scroll(-WHEEL_ROWS)


class ChatScreen:
    """
    The full screen on a terminal.

    @ivar model: the content of the screen.
    @ivar quit: called when the user leaves, or the terminal has closed.
    @ivar answer: takes a typed secret.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        keys: Input,
        output: Output,
        model: ScreenModel,
        depth: int,
    ) -> None:
        """@param depth: the number of colours: 0, 8 or 256."""
        self.model = model
        self.quit: Callable[[], None] = lambda: None
        self.answer: Callable[[str], None] = lambda text: None
        self.bell = model.settings.bell
        self._loop = loop
        self._output = output
        self._shown = model.windows.current
        self._cycle = CompletionCycle()
        self._loading = False
        self._due: asyncio.TimerHandle | None = None
        self._drawnAt = 0.0
        self._running: asyncio.Task[None] | None = None
        self._line = Buffer(multiline=True, on_text_changed=self._edited)
        self._line.on_cursor_position_changed += self._moved
        self._secretLine = Buffer()
        # False while a line is being typed that a prompt for a secret must not interrupt.
        self._secretTakesKeys = False
        self._control = BufferControl(
            self._line,
            input_processors=[
                ConditionalProcessor(PasswordProcessor(), Condition(lambda: bool(self.secret))),
                BeforeInput(self._prompt),
                WholeEmoji(),
            ],
        )
        palette = Palette(depth, "dim" in Attrs._fields)
        lines = Window(LinesControl(model, palette), height=Dimension(min=1, weight=1))
        typed = Window(
            self._control,
            height=self._inputHeight,
            wrap_lines=True,
            style=self._inputStyle,
            dont_extend_height=True,
        )
        self._application: Application[None] = Application(
            Layout(HSplit([lines, typed]), typed),
            # The rows contain their styles.
            style=DummyStyle(),
            include_default_pygments_style=False,
            key_bindings=screenBindings(self),
            full_screen=True,
            color_depth=_DEPTHS[depth],
            mouse_support=Condition(lambda: model.mouse),
            terminal_size_polling_interval=None,
            input=keys,
            output=output,
            after_render=self._rendered,
        )
        self._application.ttimeoutlen = ESCAPE_SECONDS
        self._application.key_processor.before_key_press += lambda sender: self._pressed()
        model.setTyped = self._setTyped
        model.copy = self._copy
        self._load()

    @property
    def secret(self) -> str:
        """The prompt of the secret being typed; empty: none is."""
        return self._asked if self._secretTakesKeys else ""

    @property
    def _asked(self) -> str:
        return self.model.view.secret if self.model.view is not None else ""

    @property
    def line(self) -> Buffer:
        """The buffer of the text being typed."""
        return self._control.buffer

    # Start and end.

    async def drawn(self) -> None:
        """Show the screen, and wait until it is drawn."""
        first: asyncio.Future[None] = self._loop.create_future()

        def rendered(sender: object) -> None:
            if not first.done():
                first.set_result(None)

        self._application.after_render += rendered
        self._running = self._loop.create_task(
            self._application.run_async(handle_sigint=False, set_exception_handler=False)
        )
        self._running.add_done_callback(self._ended)
        await asyncio.wait([first, self._running], return_when=asyncio.FIRST_COMPLETED)
        self._application.after_render -= rendered

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Either the terminal has closed, or C{stop} has ended the application.
        if not task.cancelled():
            task.exception()
        if self._running is not None:
            self._running = None
            self.quit()

    async def stop(self) -> None:
        """Restore the terminal."""
        running, self._running = self._running, None
        if self._due is not None:
            self._due.cancel()
        if running is None:
            return
        if self._application.is_running:
            with suppress(Exception):
                self._application.exit()
        else:
            running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    # Drawing.

    def changed(self) -> None:
        """Schedule a redraw for new lines, at most one per L{REDRAW_SECONDS}."""
        self._load()
        if self._due is None and self._running is not None:
            wait = max(0.0, self._drawnAt + REDRAW_SECONDS - self._loop.time())
            self._due = self._loop.call_later(wait, self.redraw)

    def redraw(self) -> None:
        self._due = None
        self._application.invalidate()

    def ring(self) -> None:
        """Ring the terminal's bell, unless it is switched off."""
        if self.bell and self._running is not None:
            self._output.bell()
            self._output.flush()

    def _rendered(self, sender: object) -> None:
        self._drawnAt = self._loop.time()
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _prompt(self) -> str:
        columns = self._output.get_size().columns
        return inputPrompt(self.model.windows.current, self.secret, columns)

    def _inputStyle(self) -> str:
        draft = self.model.windows.current.draft
        isOver = draft.recalled and self.model.settings.replaceRecalled
        return "reverse" if isOver and not self.secret else ""

    def _inputHeight(self) -> Dimension:
        size = self._output.get_size()
        rows = self._control.preferred_height(size.columns, INPUT_ROWS, True, None) or 1
        most = max(1, min(INPUT_ROWS, size.rows - 3))
        return Dimension.exact(min(rows, most))

    # Input.

    def _pressed(self) -> None:
        # While a line is chosen, Esc is a key of its own: a "/" typed after it must not count as
        # Alt-/, which would turn to another window.
        isChoosing = self.model.windows.current.chosen is not None
        self._application.timeoutlen = ESCAPE_SECONDS if isChoosing else ALT_SECONDS
        self.model.used()

    def _edited(self, buffer: Buffer) -> None:
        if self._loading:
            return
        draft = self._shown.draft
        draft.recalled = False
        draft.typed = Typed(buffer.text, buffer.cursor_position)
        if not buffer.text:
            draft.pasted = False
        self.model.hint = ""

    def _moved(self, buffer: Buffer) -> None:
        if not self._loading:
            self._shown.draft.recalled = False
            self._shown.draft.typed = Typed(buffer.text, buffer.cursor_position)

    def _load(self) -> None:
        # Loads the draft of the current window; the previous window's text is saved already.
        current = self.model.windows.current
        if current is not self._shown:
            self._shown = current
            self._put(current.draft.typed)
        if not self._asked:
            self._secretTakesKeys = False
        elif not (self._line.text and (self.model.promptWaits or self.model.isTyping())):
            self._secretTakesKeys = True
        self.model.promptWaits = bool(self._asked) and not self._secretTakesKeys
        self._control.buffer = self._secretLine if self.secret else self._line
        if not self.secret and self._secretLine.text:
            self._secretLine.reset()

    def _put(self, typed: Typed) -> None:
        self._loading = True
        try:
            self._line.reset(Document(typed.text, typed.cursor))
        finally:
            self._loading = False

    def _setTyped(self, text: str) -> None:
        self._shown.draft.typed = Typed(text, len(text))
        self._put(self._shown.draft.typed)

    def enter(self) -> None:
        """Send the typed text."""
        if self.secret:
            text = self._secretLine.text
            self._secretLine.reset()
            self.answer(text)
        elif self._asked:
            self.model.promptWaits, self._secretTakesKeys = False, True
        elif self.model.submit(self._line.text, self._shown.draft.pasted):
            # The typed command may have changed the current window.
            self._shown = self.model.windows.current
            self._put(self._shown.draft.typed)
        self.changed()
        self.redraw()

    def clear(self) -> None:
        """Clear the input line; its text can be recalled."""
        if not self.secret:
            self.model.discard(self._line.text)
        self.line.reset()
        self._edited(self._line)
        self._load()

    def paste(self, text: str) -> None:
        """Insert pasted lines into the input, to be checked before they are sent."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if self.secret:
            self._secretLine.insert_text(text.split("\n")[0])
            return
        text = text.rstrip("\n")
        if len(text) + len(self._line.text) > PASTED_CHARACTERS:
            self.model.hint = f"{len(text)} characters are too many to be pasted: use a pipe"
            return
        self.typeOver()
        self._shown.draft.pasted = True
        self._line.insert_text(text)
        self._shown.draft.pasted = bool(self._line.text)

    def pasteLine(self) -> None:
        """Insert a line feed that came in a paste without bracketed-paste marks."""
        self._shown.draft.pasted = True
        if self._line.text and not self._line.text.endswith("\n"):
            self._line.insert_text("\n")

    def typeOver(self) -> None:
        """Clear a recalled line before the typed text is inserted, if the settings say so."""
        draft = self._shown.draft
        if draft.recalled and self.model.settings.replaceRecalled and not self.secret:
            self._line.reset()
            self._edited(self._line)

    def recall(self, by: int) -> None:
        """Show the previous or next typed text."""
        if self.secret:
            return
        typed = self.model.recall(by, Typed(self._line.text, self._line.cursor_position))
        if typed is not None:
            recalled = self._shown.draft.recalled
            self._setTyped(typed.text)
            self._shown.draft.recalled = recalled
            self._shown.draft.pasted = "\n" in typed.text

    def complete(self, by: int) -> None:
        """Complete the word before the cursor; when repeated, with another match."""
        machine = self.model.machine
        if self.secret or machine is None:
            return
        window = self.model.windows.current
        others = [window.name] if window.kind is WindowKind.PRIVATE else []
        text, cursor = self._cycle.next(
            self._line.text,
            self._line.cursor_position,
            lambda before: completions(before, machine.state, others),
            by,
        )
        self._line.document = Document(text, cursor)
        self.model.hint = "  ".join(match.strip() for match in self._cycle.shown[:20])

    def resized(self) -> None:
        """Redraw for a new size of the terminal."""
        resized(self._application)

    def resumed(self) -> None:
        """Draw the screen again after the process was stopped."""
        resumed(self._application)

    def suspend(self) -> None:
        self._application.suspend_to_background()

    def drawAnew(self) -> None:
        self._application.renderer.clear()

    def _copy(self, text: str) -> None:
        # OSC 52, with which most terminals set the clipboard.
        encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
        self._output.write_raw(f"\x1b]52;c;{encoded}\a")
        self._output.flush()
