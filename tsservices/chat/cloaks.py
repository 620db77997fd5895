"""
What stands for the address of a session, since nobody sees it: a cloak for operators, and for
everybody else a host that says only the account. Masks are patterns of these, as in IRC:
C{nick!user@host}, where C{*} stands for any text and C{?} for any character.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from functools import lru_cache

from tsservices.chat.errors import MASK, ChatError
from tsservices.chat.names import NAME_LENGTH, fold
from tsservices.common import addresses

#: The first character of cloaks of addresses, which no name has.
CLOAK_SIGN = "~"

#: Stands between nick and host of everybody whose program does not say what they are called.
USER = "user"

#: The host of everybody who is not logged in.
GUEST_HOST = "guest"

#: The end of the host of everybody who is; the key of the account stands before it.
ACCOUNT_HOST = ".account"

#: Characters of a mask: room for the longest names, and wildcards between.
MASK_LENGTH = 100

# 60 bits: nobody meets the cloak of somebody else by chance.
_CHARACTERS = 12

_SIGNS = frozenset("!@*?")

# Characters that no mask has, as many as the longest name has.
_ANY_NAME = "\0" * NAME_LENGTH


# The requests of a program all come from one address; each of them asks.
@lru_cache(maxsize=1024)
def cloak(secret: bytes, host: str) -> str:
    """The cloak of C{host}: the same for all addresses of one source, as long as the secret is."""
    try:
        source = repr(addresses.source(addresses.parse(host)))
    except ValueError:
        source = host
    # Keyed: there are so few IPv4 addresses that a plain hash could be undone by trying them all.
    digest = hmac.new(secret, source.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    return CLOAK_SIGN + base64.b32encode(digest).decode("ascii")[:_CHARACTERS].lower()


def hostOf(account: str | None) -> str:
    """The host of somebody who is logged in to this account; None: of a guest."""
    return GUEST_HOST if account is None else account + ACCOUNT_HOST


def looksLikeMask(text: str) -> bool:
    """Whether it can be neither a name nor a cloak, but a mask as L{parseMask} takes it."""
    return not _SIGNS.isdisjoint(text)


def isMask(key: str) -> bool:
    """Whether it is what L{parseMask} returns, and neither a name nor a cloak."""
    return "!" in key


def parseMask(text: str) -> str:
    """
    A mask in its full form, folded; a part that is missing is C{*}.

    @raise ChatError: it is none.
    """
    folded = fold(text)
    if not folded.isprintable() or len(folded.split()) != 1 or len(folded) > MASK_LENGTH:
        raise ChatError(MASK, most=MASK_LENGTH)
    nick, sign, rest = folded.partition("!")
    if not sign and "@" in folded:
        nick, rest = "", folded
    elif not sign and (nick.startswith(CLOAK_SIGN) or nick.endswith(ACCOUNT_HOST)):
        # No nick is written like that.
        nick, rest = "", f"@{folded}"
    user, _, host = rest.partition("@")
    mask = f"{nick or '*'}!{user or '*'}@{host or '*'}"
    return re.sub(r"\*+", "*", mask)


def singleTarget(mask: str) -> str:
    """The account or cloak that a full mask means and nothing else, by its key; empty: none."""
    nick, _, rest = mask.partition("!")
    user, _, host = rest.partition("@")
    if nick != "*" or "*" in host or "?" in host or not _pattern(user)(USER):
        return ""
    if host.startswith(CLOAK_SIGN):
        return host
    return host.removesuffix(ACCOUNT_HOST) if host.endswith(ACCOUNT_HOST) else ""


def maskOf(key: str) -> str:
    """The full mask that means an account or a cloak, by its key; a mask itself."""
    if isMask(key):
        return key
    return f"*!*@{key if key.startswith(CLOAK_SIGN) else hostOf(key)}"


def matches(mask: str, key: str, account: str | None, user: str = USER) -> bool:
    """
    Whether a full mask matches somebody.

    @param key: the key of the nick.
    @param account: the key; None for guests.
    @param user: what their program calls them.
    """
    return _pattern(mask)(f"{key}!{user.lower()}@{hostOf(account)}") is not None


def matchesEverybody(mask: str) -> bool:
    """Whether a full mask matches all guests, or all who have an account."""
    return matches(mask, _ANY_NAME, None) or matches(mask, _ANY_NAME, _ANY_NAME)


@lru_cache(maxsize=4096)
def _pattern(mask: str) -> Callable[[str], re.Match[str] | None]:
    first, *others = [
        "".join(["." if character == "?" else re.escape(character) for character in part])
        for part in mask.split("*")
    ]
    if not others:
        return re.compile(first, re.DOTALL).fullmatch
    *middle, last = others
    # Atomic groups: the first place of each part is good enough. With all others tried, a mask of
    # many stars would take years.
    parts = "".join([f"(?>.*?{part})" for part in middle])
    return re.compile(f"{first}{parts}.*{last}", re.DOTALL).fullmatch
