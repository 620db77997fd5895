"""The styles of the screen in the words of prompt_toolkit.  Pure."""

from __future__ import annotations

from tsservices.client.chat.colours import BASIC, NICK, colourNumber

#: Eight colours by their SGR codes.
_NAMES = {31: "ansired", 32: "ansigreen", 34: "ansiblue", 35: "ansimagenta", 36: "ansicyan"}

#: The steps of red, green and blue in the 256 colours.
_STEPS = (0, 95, 135, 175, 215, 255)

#: Styles that are no names, as far as they hold with and without colours, on light and on dark:
#: but for names and errors they use the terminal's own two colours.
_STYLES = {
    "time": "dim",
    "event": "dim",
    "bar": "dim",
    "refusal": "bold fg:ansired",
    "mark": "bold fg:ansimagenta",
    "own": "bold",
    "mention": "bold reverse",
    "found": "bold underline",
    "chosen": "reverse",
    "topic": "reverse",
    "status": "reverse",
    "status urgent": "bold reverse",
}


class Palette(dict[str, str]):
    """Styles of prompt_toolkit by those of spans."""

    def __init__(self, depth: int, canDim: bool) -> None:
        """
        @param depth: how many colours there are: 0, 8 or 256.
        @param canDim: whether prompt_toolkit knows dimmed text.
        """
        super().__init__()
        self._depth = depth
        for style, words in _STYLES.items():
            self[style] = words if canDim or words != "dim" else ""

    def __missing__(self, style: str) -> str:
        words = self[style] = self._name(style) if style.startswith(NICK) else ""
        return words

    def _name(self, style: str) -> str:
        if not self._depth:
            return ""
        nick = style.removeprefix(NICK)
        if self._depth < 256:
            return f"fg:{_NAMES[BASIC[colourNumber(nick, len(BASIC))]]}"
        return f"fg:#{''.join(f'{channel:02x}' for channel in _rgb(colourNumber(nick)))}"


def _rgb(number: int) -> tuple[int, int, int]:
    cube = number - 16
    return _STEPS[cube // 36], _STEPS[cube // 6 % 6], _STEPS[cube % 6]
