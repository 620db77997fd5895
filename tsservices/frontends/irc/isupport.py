"""The features of the server that C{005} announces to clients: one table.  Pure."""

from __future__ import annotations

from functools import lru_cache

from tsservices.chat.handlers.restrictions import RESTRICTIONS_EACH
from tsservices.chat.names import NAME_LENGTH
from tsservices.chat.verbs.checks import SHORT_TEXT_LENGTH
from tsservices.chat.verbs.modes import KEY_LENGTH, MODES_EACH
from tsservices.common.limits import Limits
from tsservices.frontends.irc.message import PARAMETERS
from tsservices.frontends.irc.people import USER_LENGTH

#: Tokens in one line.
TOKENS_EACH = 13

#: Changes of one MODE: two of its parameters are the channel and the letters.
MODES = min(MODES_EACH, PARAMETERS - 2)

#: Targets of one message, and channels of one KICK.
TARGETS = 4

#: Names that one client may watch.
MONITORED = 100

#: Lines of one answer of CHATHISTORY.
HISTORY_LINES = 100

#: The types of references in CHATHISTORY, the preferred one first.
REFERENCE_TYPES = ("msgid", "timestamp")

#: The modes of channels: lists; with an argument always; only when set; without one.
CHANNEL_MODES = ("b", "k", "l", "imnst")

#: The modes of members, and the sign of each before a name.
MEMBER_MODES = (("o", "@"), ("v", "+"))

#: The modes that users can have.
USER_MODES = "iow"


def _letters() -> tuple[str, str, str]:
    lists, always, whenSet, without = CHANNEL_MODES
    members = "".join(mode for mode, _ in MEMBER_MODES)
    withArgument = lists + always + whenSet + members
    return USER_MODES, "".join(sorted(withArgument + without)), "".join(sorted(withArgument))


#: The modes as the greeting shows them: of users, of channels, and of channels with an argument.
LETTERS = _letters()


def tokens(network: str, limits: Limits) -> list[str]:
    """All tokens, in order."""
    modes = "".join(mode for mode, _ in MEMBER_MODES)
    signs = "".join(sign for _, sign in MEMBER_MODES)
    return [
        "CASEMAPPING=ascii",
        f"CHANLIMIT=#:{limits.roomsEach}",
        f"CHANMODES={','.join(CHANNEL_MODES)}",
        f"CHANNELLEN={NAME_LENGTH + 1}",
        "CHANTYPES=#",
        f"CHATHISTORY={HISTORY_LINES}",
        # None is denied: all tags that clients send each other are relayed.
        "CLIENTTAGDENY=",
        f"MSGREFTYPES={','.join(REFERENCE_TYPES)}",
        "ELIST=CMNTU",
        f"KEYLEN={KEY_LENGTH}",
        f"KICKLEN={SHORT_TEXT_LENGTH}",
        f"AWAYLEN={SHORT_TEXT_LENGTH}",
        f"TOPICLEN={SHORT_TEXT_LENGTH}",
        f"MODES={MODES}",
        f"MAXLIST=b:{RESTRICTIONS_EACH}",
        f"MONITOR={MONITORED}",
        f"NETWORK={network}",
        f"NICKLEN={NAME_LENGTH}",
        f"USERLEN={USER_LENGTH}",
        f"PREFIX=({modes}){signs}",
        f"STATUSMSG={signs[0]}",
        f"TARGMAX=PRIVMSG:{TARGETS},NOTICE:{TARGETS},TAGMSG:{TARGETS},JOIN:,PART:,"
        f"NAMES:{TARGETS},LIST:,KICK:{TARGETS},WHOIS:1",
        "SAFELIST",
        "UTF8ONLY",
        "WHOX",
    ]


@lru_cache(maxsize=8)
def lines(network: str, limits: Limits) -> tuple[tuple[str, ...], ...]:
    """All tokens, grouped by line."""
    words = tuple(tokens(network, limits))
    return tuple(
        [words[first : first + TOKENS_EACH] for first in range(0, len(words), TOKENS_EACH)]
    )
