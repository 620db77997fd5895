"""
Replacements for the address of a session, which is not shown to anyone: a cloak for operators, and
for all others a host that shows only the account. Masks are patterns of these, as in IRC:
C{nick!user@host}, where C{*} matches any text and C{?} any character.
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

#: The first character of cloaks of addresses; no name contains it.
CLOAK_SIGN = "~"

#: The user part of masks for everybody whose client has sent no user name.
USER = "user"

#: The host of sessions that are not logged in.
GUEST_HOST = "guest"

#: The end of the host of sessions that are logged in, after the key of the account.
ACCOUNT_HOST = ".account"

#: Maximum length of a mask: enough for the longest names and wildcards between them.
MASK_LENGTH = 100

# 60 bits: no two addresses get the same cloak by chance.
_CHARACTERS = 12

_SIGNS = frozenset("!@*?")

# A sign that is in no name, before the user's part of a full mask, or in no host, at its end.
_NOBODY = re.compile(r"[^!]*[^\w\-*?!\x80-\U0010ffff]|.*@.*[^\w\-*?.~\x80-\U0010ffff]", re.ASCII)

# A name of the greatest length, in characters that no mask contains.
_ANY_NAME = "\0" * NAME_LENGTH


# Cached: the requests of a program all come from one address, and each needs the cloak.
@lru_cache(maxsize=1024)
def cloak(secret: bytes, host: str) -> str:
    """The cloak of C{host}: the same for all addresses of one source, until the secret changes."""
    try:
        source = repr(addresses.source(addresses.parse(host)))
    except ValueError:
        source = host
    # Keyed: IPv4 addresses are so few that a plain hash could be reversed by trying them all.
    digest = hmac.new(secret, source.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    return CLOAK_SIGN + base64.b32encode(digest).decode("ascii")[:_CHARACTERS].lower()


def hostOf(account: str | None) -> str:
    """The host of a session that is logged in to this account; None: of a guest."""
    return GUEST_HOST if account is None else account + ACCOUNT_HOST


def looksLikeMask(text: str) -> bool:
    """Whether a text is not a name or a cloak, but may be a mask for L{parseMask}."""
    return not _SIGNS.isdisjoint(text)


def isMask(key: str) -> bool:
    """Whether a key is a result of L{parseMask}, and neither a name nor a cloak."""
    return "!" in key


def parseMask(text: str) -> str:
    """
    The full form of a mask, folded; a missing part becomes C{*}.

    @raise ChatError: it is no mask.
    """
    folded = fold(text)
    if not folded.isprintable() or len(folded.split()) != 1 or len(folded) > MASK_LENGTH:
        raise ChatError(MASK, most=MASK_LENGTH)
    nick, sign, rest = folded.partition("!")
    if not sign and "@" in folded:
        nick, rest = "", folded
    elif not sign and (nick.startswith(CLOAK_SIGN) or nick.endswith(ACCOUNT_HOST)):
        # No nick can look like that.
        nick, rest = "", f"@{folded}"
    user, _, host = rest.partition("@")
    mask = f"{nick or '*'}!{user or '*'}@{host or '*'}"
    return re.sub(r"\*+", "*", mask)


def parseNewMask(text: str) -> str:
    """
    As L{parseMask}, for a mask to set.

    @raise ChatError: it is no mask, or could match nobody: an extended ban of another server, such
        as C{m:bob!*@*}, would look as if it had an effect.
    """
    mask = parseMask(text)
    if _NOBODY.match(mask):
        raise ChatError(MASK, most=MASK_LENGTH)
    return mask


def singleTarget(mask: str) -> str:
    """The key of the account or cloak that is the only match of a full mask; empty: none."""
    nick, _, rest = mask.partition("!")
    user, _, host = rest.partition("@")
    if nick != "*" or "*" in host or "?" in host or not _pattern(user)(USER):
        return ""
    if host.startswith(CLOAK_SIGN):
        return host
    return host.removesuffix(ACCOUNT_HOST) if host.endswith(ACCOUNT_HOST) else ""


def maskOf(key: str) -> str:
    """The full mask for the key of an account or a cloak; a mask is returned unchanged."""
    if isMask(key):
        return key
    return f"*!*@{key if key.startswith(CLOAK_SIGN) else hostOf(key)}"


def matches(mask: str, key: str, account: str | None, user: str = USER) -> bool:
    """
    Whether a full mask matches a user.

    @param key: the key of the nick.
    @param account: the key; None for guests.
    @param user: the user name sent by the client.
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
    # Atomic groups: the first match of each part is enough. With backtracking, a mask of many stars
    # would take years.
    parts = "".join([f"(?>.*?{part})" for part in middle])
    return re.compile(f"{first}{parts}.*{last}", re.DOTALL).fullmatch
