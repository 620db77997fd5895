"""Tests for L{tsservices.stamp.auth}."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.stamp.auth import (
    REPLAY_WINDOW,
    KeyFileError,
    ReplayWindow,
    authenticate,
    computeHMAC,
    readKey,
    verify,
)
from tsservices.stamp.packets import PacketError

KEY = bytes(range(32))


def byHand(key: bytes, text: bytes) -> bytes:
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in padded) + text).digest()
    return hashlib.sha256(bytes(octet ^ 0x5C for octet in padded) + inner).digest()


@given(st.binary(min_size=16, max_size=64), st.binary(min_size=112, max_size=130))
def test_hmac(key: bytes, datagram: bytes) -> None:
    """The HMAC covers the first 96 octets and stands behind them."""
    sealed = authenticate(key, datagram)
    assert sealed[:96] == datagram[:96]
    assert sealed[96:112] == byHand(key, datagram[:96])[:16] == computeHMAC(key, datagram)
    assert sealed[112:] == datagram[112:]
    verify(key, sealed)


@pytest.mark.parametrize("place", [*range(0, 96, 5), 95, *range(96, 112)])
def test_changedBit(place: int) -> None:
    sealed = bytearray(authenticate(KEY, bytes(112)))
    sealed[place] ^= 1
    with pytest.raises(PacketError) as caught:
        verify(KEY, bytes(sealed))
    assert caught.value.counter == "forged"


def test_wrongKey() -> None:
    with pytest.raises(PacketError, match="authentication"):
        verify(KEY[1:], authenticate(KEY, bytes(112)))


@given(st.binary(max_size=200))
def test_anyOctets(datagram: bytes) -> None:
    with pytest.raises(PacketError) as caught:
        verify(KEY, datagram)
    assert caught.value.counter == ("badSize" if len(datagram) < 112 else "forged")


class TestKeyFile:
    def write(self, folder: Path, text: bytes, mode: int = 0o600) -> str:
        path = folder / "key"
        path.write_bytes(text)
        path.chmod(mode)
        return str(path)

    @pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
    def test_grouping(self, tmp_path: Path, mode: int) -> None:
        text = KEY.hex().upper().encode()
        grouped = b"\xef\xbb\xbf\n" + text[:20] + b" " + text[20:40] + b"\r\n" + text[40:] + b"\n"
        assert readKey(self.write(tmp_path, grouped, mode)) == KEY

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"secret words",
            KEY[:15].hex().encode(),
            bytes(65).hex().encode(),
            b"0" * 33,
            b"\xff" * 32,
            b"0" * 5000,
        ],
    )
    def test_noKey(self, tmp_path: Path, text: bytes) -> None:
        path = self.write(tmp_path, text)
        with pytest.raises(KeyFileError, match="32 to 128 hexadecimal digits") as caught:
            readKey(path)
        assert str(caught.value).startswith(path)

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o602])
    def test_rightsOfOthers(self, tmp_path: Path, mode: int) -> None:
        with pytest.raises(KeyFileError, match=f"mode {mode:04o}.*chmod 600"):
            readKey(self.write(tmp_path, KEY.hex().encode(), mode))

    def test_unreadable(self, tmp_path: Path) -> None:
        """A pipe is no key either, and readKey does not wait for its writer."""
        with pytest.raises(KeyFileError, match="No such file"):
            readKey(str(tmp_path / "none"))
        with pytest.raises(KeyFileError, match="no regular file"):
            readKey(str(tmp_path))
        os.mkfifo(tmp_path / "pipe", 0o600)
        with pytest.raises(KeyFileError, match="no regular file"):
            readKey(str(tmp_path / "pipe"))
        with pytest.raises(KeyFileError, match="null"):
            readKey("nu\0l")


class TestReplayWindow:
    def test_inOrder(self) -> None:
        window = ReplayWindow()
        start = (1 << 32) - 100
        for step in range(200):
            number = start + step & 0xFFFFFFFF
            assert window.accept(number, step)
            assert not window.accept(number, step)

    @given(st.permutations(range(REPLAY_WINDOW)))
    def test_anyOrder(self, order: list[int]) -> None:
        window = ReplayWindow()
        assert all(window.accept(number, number) for number in order)
        assert not any(window.accept(number, number) for number in order)

    def test_behindWindow(self) -> None:
        """Behind the window it is not known whether a packet has come before."""
        window = ReplayWindow()
        assert window.accept(100, 100)
        assert not window.accept(100 - REPLAY_WINDOW, 100 - REPLAY_WINDOW)
        assert window.accept(101 - REPLAY_WINDOW, 101 - REPLAY_WINDOW)

    def test_jump(self) -> None:
        window = ReplayWindow()
        assert window.accept(5, 5)
        assert window.accept(5 + REPLAY_WINDOW, 6)
        assert not window.accept(5, 5)
        assert window.accept(6, 5)

    def test_restartedSender(self) -> None:
        """A sender counts from 0 again, with later times; recorded packets are still replays."""
        window = ReplayWindow()
        old = [(number, 1000 + number) for number in range(500)]
        assert all(window.accept(*packet) for packet in old)
        assert window.accept(0, 5000)
        assert window.accept(1, 5001)
        assert not any(window.accept(*packet) for packet in old if packet[0] > 1)
        assert window.accept(2, 5002)

    def test_sameTime(self) -> None:
        window = ReplayWindow()
        assert window.accept(1, 7)
        assert window.accept(3, 7)
        assert window.accept(2, 7)
        assert not window.accept(3, 7)

    def test_timeWraps(self) -> None:
        """As in 2036."""
        window = ReplayWindow()
        assert window.accept(1, (1 << 64) - 1)
        assert window.accept(2, 0)
        assert not window.accept(1, (1 << 64) - 1)

    @given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))))
    def test_neverTwice(self, packets: list[tuple[int, int]]) -> None:
        window = ReplayWindow()
        for packet in packets:
            window.accept(*packet)
            assert not window.accept(*packet)
