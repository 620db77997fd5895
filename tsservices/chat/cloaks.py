"""The cloak of an address: what others see in its place."""

from __future__ import annotations

import base64
import hashlib
import hmac

from tsservices.chat.permissions import CLOAK_SIGN
from tsservices.common import addresses

#: 60 bits: nobody meets the cloak of somebody else by chance.
_CHARACTERS = 12


def cloak(secret: bytes, host: str) -> str:
    """The cloak of C{host}: the same for all addresses of one source, as long as the secret is."""
    try:
        source = repr(addresses.source(addresses.parse(host)))
    except ValueError:
        source = host
    # Keyed: there are so few IPv4 addresses that a plain hash could be undone by trying them all.
    digest = hmac.new(secret, source.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    return CLOAK_SIGN + base64.b32encode(digest).decode("ascii")[:_CHARACTERS].lower()
