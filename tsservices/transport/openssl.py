"""
The data path of TLS: does the same as pyOpenSSL's C{Connection} for each message, with less work.

C{Connection.recv} and C{bio_read} allocate a buffer for each call, and raise an exception when
there is no more data.  A message of 64 bytes and its answer cost 7.7 microseconds by these methods,
5.7 of them outside OpenSSL.  L{DirectSession} calls the same functions of OpenSSL through the same
binding, reads into one buffer, and checks results in place of exceptions.  Everything that is not
done for each message (contexts, the handshake, the end) stays with pyOpenSSL.

Python's C{ssl} costs the same as L{DirectSession}.  It would need contexts of its own, which take
keys only from files, and a reimplementation of Twisted's protocol.

The names with an underscore are private to pyOpenSSL.  If one of them is missing, L{sessionOf}
makes a L{Session}, which does not need them.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL

# The size of the buffer: more than is usually read or written at once.
_ROOM = 2**19

# The most bytes in a record.
_RECORD = 2**14


class Session:
    """
    The data path of one connection, by the methods of pyOpenSSL.

    @ivar end: why nothing more can be read: L{SSL.ZeroReturnError} if the peer has ended its half,
        or another L{SSL.Error}; L{None} while more data may arrive.
    @ivar untaken: the bytes that the last L{encrypt} has not encrypted, because OpenSSL has to read
        first.
    """

    end: SSL.Error | None = None
    untaken = b""

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection

    def feed(self, data: bytes) -> None:
        """Store received data, without decrypting it yet."""
        self._connection.bio_write(data)

    def decrypt(self, data: bytes) -> bytes:
        """
        Store received data, and decrypt all stored data.

        @return: the contents of all complete records, joined.
        """
        if data:
            self.feed(data)
        parts = []
        try:
            while True:
                parts.append(self._connection.recv(2 * _RECORD))
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.end = _bare(error)
        return b"".join(parts)

    def encrypt(self, data: bytes) -> bytes:
        """
        Encrypt data.

        @return: the bytes to send on the socket.
        @raise SSL.Error: nothing can be written any more.
        """
        self.untaken = b""
        taken = 0
        try:
            while taken < len(data):
                taken += self._connection.send(data[taken : taken + _RECORD])
        except SSL.WantReadError:
            self.untaken = data[taken:]
        return self.output()

    def output(self) -> bytes:
        """Get the bytes to send on the socket, such as the answers of a handshake."""
        parts = []
        try:
            while True:
                parts.append(self._connection.bio_read(2 * _RECORD))
        except SSL.WantReadError:
            return b"".join(parts)


class DirectSession(Session):
    """A L{Session} by OpenSSL's functions.  For one thread only: sessions share a buffer."""

    def __init__(self, connection: SSL.Connection) -> None:
        """@raise AttributeError: this version of pyOpenSSL has other names."""
        super().__init__(connection)
        self._ssl = connection._ssl
        self._input: Any = connection._into_ssl
        self._output: Any = connection._from_ssl

    def feed(self, data: bytes) -> None:
        _writeBIO(self._input, data, len(data))

    def decrypt(self, data: bytes) -> bytes:
        ssl = self._ssl
        if data:
            _writeBIO(self._input, data, len(data))
        size = got = _read(ssl, _buffer, _RECORD)
        while size > 0:
            # Whole records were read, so this shows whether there is more, at a quarter of the cost
            # of a read that fails.
            if not _bytesIn(self._input, _NULL):
                return _view[:got]
            if got > _ROOM - _RECORD:
                return _view[:got] + self.decrypt(b"")
            size = _read(ssl, _buffer + got, _RECORD)
            got += size
        if _errorOf(ssl, size) != _WANT_READ:
            try:
                self._connection._raise_ssl_error(ssl, size)
            except SSL.Error as error:
                self.end = _bare(error)
        # Without the last result, which is an error code.
        return _view[: got - size]

    def encrypt(self, data: bytes) -> bytes:
        ssl, size = self._ssl, len(data)
        taken = _write(ssl, data, size)
        self.untaken = b"" if taken == size else data[self._encryptRest(data, taken) :]
        size = _readBIO(self._output, _buffer, _ROOM)
        if size < _ROOM:
            return _view[:size] if size > 0 else b""
        return _view[:size] + self.output()

    def _encryptRest(self, data: bytes, result: int) -> int:
        # Each call encrypts one record.
        taken = 0
        while result > 0:
            taken += result
            if taken == len(data):
                return taken
            rest = memoryview(data)[taken:]
            result = _write(self._ssl, _fromBuffer(rest), len(rest))
        if _errorOf(self._ssl, result) != _WANT_READ:
            self._connection._raise_ssl_error(self._ssl, result)
        return taken

    def output(self) -> bytes:
        size = _readBIO(self._output, _buffer, _ROOM)
        if size < _ROOM:
            return _view[:size] if size > 0 else b""
        return _view[:size] + self.output()


try:
    from OpenSSL.SSL import _ffi, _lib  # type: ignore[attr-defined]

    _read, _write, _errorOf = _lib.SSL_read, _lib.SSL_write, _lib.SSL_get_error
    _readBIO, _writeBIO, _WANT_READ = _lib.BIO_read, _lib.BIO_write, _lib.SSL_ERROR_WANT_READ
    _bytesIn, _NULL = _lib.BIO_get_mem_data, _ffi.NULL
    _fromBuffer, _buffer = _ffi.from_buffer, _ffi.new("char[]", _ROOM)
    # Slices of this object are bytes.
    _view: bytes = _ffi.buffer(_buffer)
    _direct = True
except (ImportError, AttributeError):
    _direct = False


def _bare(error: SSL.Error) -> SSL.Error:
    # The traceback refers to the session: session and error would be a reference cycle.
    return error.with_traceback(None)


def sessionOf(connection: SSL.Connection) -> Session:
    """Make the session of a connection."""
    if _direct:
        try:
            return DirectSession(connection)
        except AttributeError:
            pass
    return Session(connection)
