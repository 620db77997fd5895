"""The styles of the screen in prompt_toolkit's notation.  Pure."""

from __future__ import annotations

from tsservices.client.chat.colours import BASIC, NICK, colourNumber

#: The colours of the eight-colour palette, by SGR code.
_NAMES = {31: "ansired", 32: "ansigreen", 34: "ansiblue", 35: "ansimagenta", 36: "ansicyan"}

#: The levels of red, green and blue in the 256 colours.
_STEPS = (0, 95, 135, 175, 215, 255)

#: All styles except those of names.  They work with and without colours, on light and dark
#: backgrounds: all but errors and marks use the terminal's own two colours.
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
    """The map from styles of spans to styles of prompt_toolkit."""

    def __init__(self, depth: int, canDim: bool) -> None:
        """
        @param depth: the number of colours: 0, 8 or 256.
        @param canDim: whether prompt_toolkit supports dimmed text.
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
