"""
The extensions after the base packet (TLVs of RFC 8972, 4): header, flags and offsets.

The content of each type has a module of its own: L{tsservices.stamp.telemetry} and
L{tsservices.stamp.service_class}.
"""

from __future__ import annotations

from struct import Struct

#: Types of extensions.
EXTRA_PADDING = 1
CLASS_OF_SERVICE = 4
FOLLOW_UP = 7

#: Flags of an extension.  The sender sets U, and a reflector that knows the type clears it, so
#: that a merely copied extension is marked as not understood.
UNRECOGNIZED = 0x80
MALFORMED = 0x40

#: Extensions that are read at most: padding may look like any number of them.
MAXIMUM_EXTENSIONS = 16

# octet 0  flags   1   (U M I, then zeros)
#       1  type    1
#       2  length  2   (octets of the value, which follows)
HEADER = Struct(">BBH")


def findExtension(extensions: bytes, kind: int) -> int | None:
    """Return the offset of the first extension of this type; L{None} if there is none."""
    offset = 0
    for _ in range(MAXIMUM_EXTENSIONS):
        if len(extensions) - offset < HEADER.size:
            break
        _, found, length = HEADER.unpack_from(extensions, offset)
        if found == kind:
            return offset
        if not found:
            # No extension has type 0: this is the padding of RFC 8762.
            break
        offset += HEADER.size + length
    return None


def isWellFormed(extensions: bytes, offset: int, valueLength: int) -> bool:
    """Return whether the extension at this offset is complete and has this length."""
    header = extensions[offset + 2 : offset + HEADER.size]
    return (
        header == valueLength.to_bytes(2, "big")
        and len(extensions) - offset >= HEADER.size + valueLength
    )


def fillUp(extensions: bytes, octets: int) -> bytes | None:
    """
    Append padding, as one more extension, up to C{octets} octets; L{None} if it does not fit.
    """
    padding = octets - len(extensions)
    if padding < 0 or 0 < padding < HEADER.size:
        return None
    if not padding:
        return extensions
    length = padding - HEADER.size
    return extensions + HEADER.pack(UNRECOGNIZED, EXTRA_PADDING, length) + bytes(length)
