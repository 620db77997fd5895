"""
What stands for the address of somebody where others may see it.  Pure.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from tsservices.chat.permissions import CLOAK_SIGN
from tsservices.common import addresses

_CHARACTERS = 12


def cloak(secret: bytes, host: str) -> str:
    """The same for all addresses of one source, as long as the secret is."""
    try:
        source = repr(addresses.source(addresses.parse(host)))
    except ValueError:
        source = host
    told = hmac.new(secret, source.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    return CLOAK_SIGN + base64.b32encode(told).decode("ascii")[:_CHARACTERS].lower()
