"""
The data path of TLS: what pyOpenSSL's C{Connection} does for each message, with less work.

C{Connection.recv} and C{bio_read} make room for each call, and say by an exception that there is no
more.  A message of 64 bytes and its answer cost 7.7 microseconds by these methods, 5.7 of
them not in OpenSSL.  L{DirectSession} calls the same functions of OpenSSL through the same binding,
reads into one buffer, and looks at results in place of exceptions.  All that is not done for each
message (contexts, the handshake, the end) stays with pyOpenSSL.

Python's own C{ssl} costs the same as L{DirectSession}.  It would need contexts of its own, which
take keys from files only, and all of Twisted's protocol again.

The names with an underscore are pyOpenSSL's own.  Without one of them L{sessionOf} makes a
L{Session}, which has no need of them.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL

# The size of the buffer: more than comes or goes at once.
_ROOM = 2**19

# The most that a record carries.
_RECORD = 2**14


class Session:
    """
    The data of one connection, by the methods of pyOpenSSL.

    @ivar end: why nothing more can be read: L{SSL.ZeroReturnError} if the peer has ended its half,
        or another L{SSL.Error}; L{None} while there may be more.
    @ivar untaken: the bytes that the last L{encrypt} has not encrypted, because OpenSSL has to read
        before it goes on.
    """

    end: SSL.Error | None = None
    untaken = b""

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection

    def feed(self, data: bytes) -> None:
        """Take what the socket has received, and do nothing with it yet."""
        self._connection.bio_write(data)

    def decrypt(self, data: bytes) -> bytes:
        """
        Take what the socket has received, and decrypt all that is there.

        @return: what was in all whole records, together.
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
        Encrypt.

        @return: what the socket has to send.
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
        """Take what the socket has to send, such as the answers of a handshake."""
        parts = []
        try:
            while True:
                parts.append(self._connection.bio_read(2 * _RECORD))
        except SSL.WantReadError:
            return b"".join(parts)


class DirectSession(Session):
    """The same by the functions of OpenSSL.  For one thread: all connections share a buffer."""

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
            # Whole records were read, so this says whether there is more: it costs a quarter of a
            # read that says so.
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
        # The last result was no length.
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
        # It takes one record for each call.
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
    # Its slices are bytes.
    _view: bytes = _ffi.buffer(_buffer)
    _direct = True
except (ImportError, AttributeError):
    _direct = False


def _bare(error: SSL.Error) -> SSL.Error:
    # Its traceback has the session in it: each would keep the other.
    return error.with_traceback(None)


def sessionOf(connection: SSL.Connection) -> Session:
    """Make the session of a connection."""
    if _direct:
        try:
            return DirectSession(connection)
        except AttributeError:
            pass
    return Session(connection)
