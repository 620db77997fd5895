"""Tests for L{tsservices.common.limits}."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from tsservices.common.limits import LimitError, Limits


class TestLimits:
    def test_names(self) -> None:
        assert len(Limits.fieldNames()) == len(fields(Limits))
        for key in Limits.fieldNames():
            assert re.search("^[a-z]+(-[a-z]+)*$", key)
        assert Limits.fieldNames()["idle-limit"] == "idleLimit"

    def test_defaults(self) -> None:
        for key in Limits.fieldNames():
            default, reason = Limits.describe(key)
            assert Limits.coerce(key, str(default)) == default
            assert " " in reason

    def test_rejected(self) -> None:
        for value in ("", "1.5", "many", "0x10", " 1", True, 2.0, "٣", "9" * 20):
            with pytest.raises(LimitError, match="idle-limit takes"):
                Limits.coerce("idle-limit", value)
        with pytest.raises(LimitError, match=r"^max-datagram takes 1 to 65507 bytes, not 65508$"):
            Limits.coerce("max-datagram", "65508")
        with pytest.raises(LimitError):
            Limits.coerce("max-connections", -1)
