"""
The full screen on a terminal, by prompt_toolkit: keys to the model, and what the model draws to
the terminal.

prompt_toolkit's own control for text is not used for the lines: with 10,000 of them it took 0.9 s
for each, and 363 MB.  Here the model gives the rows that are seen, and no others.
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
from prompt_toolkit.key_binding import KeyPressEvent
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
from tsservices.client.chat.ui.toolkit import Cells, resized
from tsservices.client.chat.ui.windows.window import WindowKind

#: Seconds between two times that lines are drawn: more often nobody can read.
REDRAW_SECONDS = 0.1

#: The most rows of what is being typed.
INPUT_ROWS = 6

#: Characters that can be pasted: what is longer is for a pipe.
PASTED_CHARACTERS = 64 * 1024

#: Seconds in which what follows Esc is the same key: what terminals send for Alt comes at once.
ESCAPE_SECONDS = 0.1

#: Seconds in which a key that is pressed after Esc is taken as with Alt.
ALT_SECONDS = 0.5

#: Rows that the wheel of the mouse moves.
WHEEL_ROWS = 3

_DEPTHS = {0: ColorDepth.DEPTH_1_BIT, 8: ColorDepth.DEPTH_4_BIT, 256: ColorDepth.DEPTH_8_BIT}


class LinesControl(UIControl):
    """All above the line being typed, as the model draws it."""

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
    The screen on a terminal.

    @ivar model: what is on it.
    @ivar quit: is called when one wants to leave, or the terminal is gone.
    @ivar answer: takes a secret that was asked for.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        keys: Input,
        output: Output,
        model: ScreenModel,
        depth: int,
    ) -> None:
        """@param depth: how many colours there are: 0, 8 or 256."""
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
        # A prompt that comes while a line is being typed does not take the keys from it.
        self._secretTakesKeys = False
        self._control = BufferControl(
            self._line,
            input_processors=[
                ConditionalProcessor(PasswordProcessor(), Condition(lambda: bool(self.secret))),
                BeforeInput(self._prompt),
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
            # Styles stand in the text itself.
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
        """What is being typed hidden; empty: nothing is."""
        return self._asked if self._secretTakesKeys else ""

    @property
    def _asked(self) -> str:
        return self.model.view.secret if self.model.view is not None else ""

    @property
    def line(self) -> Buffer:
        """What is being typed, in the window that is seen."""
        return self._control.buffer

    # From the start to the end.

    async def drawn(self) -> None:
        """Show the screen, and wait until it stands."""
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
        # The terminal is gone, or this is the end that was asked for.
        if not task.cancelled():
            task.exception()
        if self._running is not None:
            self._running = None
            self.quit()

    async def stop(self) -> None:
        """Give the terminal back."""
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
        """Lines have come: they are drawn soon, and not one by one."""
        self._load()
        if self._due is None and self._running is not None:
            wait = max(0.0, self._drawnAt + REDRAW_SECONDS - self._loop.time())
            self._due = self._loop.call_later(wait, self.redraw)

    def redraw(self) -> None:
        """Draw now."""
        self._due = None
        self._application.invalidate()

    def ring(self) -> None:
        """Call for attention."""
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

    # What is typed.

    def _pressed(self) -> None:
        # There Esc has a meaning of its own: a "/" that is typed next is no Alt-/, which would
        # have the command typed in another window.
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
        # The line of the window that is seen now; that of the other one is in its draft already.
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
        """What was typed is to be sent."""
        if self.secret:
            text = self._secretLine.text
            self._secretLine.reset()
            self.answer(text)
        elif self._asked:
            self.model.promptWaits, self._secretTakesKeys = False, True
        elif self.model.submit(self._line.text, self._shown.draft.pasted):
            # It may have turned to another window.
            self._shown = self.model.windows.current
            self._put(self._shown.draft.typed)
        self.changed()
        self.redraw()

    def clear(self) -> None:
        """Empty the line; what stood there can be recalled."""
        if not self.secret:
            self.model.discard(self._line.text)
        self.line.reset()
        self._edited(self._line)
        self._load()

    def paste(self, text: str) -> None:
        """Have lines stand in what is typed, to be seen before they are sent."""
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
        """A line feed has come among text that was pasted without marks around it."""
        self._shown.draft.pasted = True
        if self._line.text and not self._line.text.endswith("\n"):
            self._line.insert_text("\n")

    def typeOver(self) -> None:
        """Have what is typed take the place of a line that was recalled."""
        draft = self._shown.draft
        if draft.recalled and self.model.settings.replaceRecalled and not self.secret:
            self._line.reset()
            self._edited(self._line)

    def recall(self, by: int) -> None:
        """Show what was typed before, or after."""
        if self.secret:
            return
        typed = self.model.recall(by, Typed(self._line.text, self._line.cursor_position))
        if typed is not None:
            recalled = self._shown.draft.recalled
            self._setTyped(typed.text)
            self._shown.draft.recalled = recalled
            self._shown.draft.pasted = "\n" in typed.text

    def complete(self, by: int) -> None:
        """Complete the word before the cursor; again: by another match."""
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
        """The terminal has another size."""
        resized(self._application)

    def suspend(self) -> None:
        self._application.suspend_to_background()

    def drawAnew(self) -> None:
        self._application.renderer.clear()

    def _copy(self, text: str) -> None:
        # The sequence that most terminals take as a text for the clipboard.
        encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
        self._output.write_raw(f"\x1b]52;c;{encoded}\a")
        self._output.flush()

    def pending(self, event: KeyPressEvent) -> bool:
        """Whether further text has come together with a key, as in a paste without brackets."""
        queue = event.app.key_processor.input_queue
        return sum(1 for press in queue if press.data.isprintable() and press.data) > 1
