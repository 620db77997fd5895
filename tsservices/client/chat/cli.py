"""The command line of the chat client."""

from __future__ import annotations

import argparse
import getpass
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tsservices import __version__
from tsservices.chat.errors import ChatError
from tsservices.chat.names import nameKey, roomKey
from tsservices.client.argtypes import portNumber, seconds
from tsservices.client.cli import DEFAULT_HOST, STREAM_TIMEOUT
from tsservices.client.server_options import (
    TLS_OFFSET,
    TLSOptions,
    addTLSOptions,
    readServer,
    serverName,
    userFolder,
)
from tsservices.client.token_file import TokenFile
from tsservices.common.addresses import DEFAULT_PORT
from tsservices.common.commandline import INTERRUPTED, CommandParser, clientProgram
from tsservices.common.statedir import defaultStateFolder

#: The offset of the chat's port from L{DEFAULT_PORT}.
CHAT_OFFSET = 6

#: The room to join if none is named.
LOBBY = "lobby"

#: The environment variable with the password of C{--account}.
PASSWORD = "TSSERVICES_PASSWORD"

DESCRIPTION = """\
Talk in the rooms of a chat.
At a terminal: a window for each room and each private talk, and the line being
typed below it; Alt-1 to Alt-9 and Alt-a turn to another window, PageUp shows
older lines, Tab completes commands, names and rooms, Up brings back what was
typed; /help lists what can be asked for, /keys the keys; Ctrl-C clears the
line, Ctrl-D or /quit leaves. A lost connection is made again by itself; what
was said meanwhile is shown, and what was typed is sent, once. Rooms and windows
are there again at the next start.
In a pipe: each line of standard input is sent, and after its end the client
leaves when all is stored. Errors are printed, and with --show all that comes.
"""

EPILOG = """\
commands of the client itself, beside those of the server:
  /resend   say again what was not sent
  /quit     leave; twice: at once

environment:
  TSSERVICES_PASSWORD   the password of --account
  NO_COLOR              no colours
  USER                  the name, without --nick and --account

examples:
  {program} --nick ann --room lobby --room cooking
  echo 'the build is done' | {program} --nick builder
  {program} --json --nick robot < orders > events
  {program} tls://chat.example.org --account ann --remember

exit status:
  0    all went well
  1    no connection, a lost connection, a refused line or a missing answer;
       one line on stderr says which; or lines were left that are not sent
  2    the command line is wrong
  130  interrupted (Ctrl-C, when standard input or output is no terminal)
  143  ended by SIGTERM
"""


@dataclass(frozen=True)
class ChatOptions:
    """The options of the chat client."""

    #: A name, or an IPv4 or IPv6 address.
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT + CHAT_OFFSET
    #: The name to enter with; empty: none was chosen.
    nick: str = ""
    rooms: tuple[str, ...] = (LOBBY,)
    #: The account to log in to; empty: none.
    account: str = ""
    password: str = field(default="", repr=False)
    #: Print JSON objects for programs.
    json: bool = False
    #: Ring when the user's name is mentioned.
    bell: bool = True
    #: The folder of history, known hosts and tokens.
    state: str = ""
    #: The longest wait for a connection, in seconds.
    timeout: float = STREAM_TIMEOUT
    #: The name for a user who has chosen none.
    userName: str = "guest"
    #: L{None}: unencrypted.
    tls: TLSOptions | None = None
    #: Keep an account token without asking.
    remember: bool = False
    #: Remove the kept account token, and do nothing else.
    forget: bool = False
    #: At a terminal, print lines above the line being typed instead of the full screen.
    inline: bool = False
    #: In a pipe, print received lines too; otherwise only errors are printed.
    show: bool = False
    #: The folder of local logs; empty: that of the settings, if any.
    log: str = ""
    #: The file of the screen's settings; empty: the one in the folder C{state}.
    settings: str = ""
    #: Whether the user has named the rooms.
    chosenRooms: bool = field(default=False, compare=False)


def _name(text: str) -> str:
    try:
        nameKey(text)
    except ChatError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _room(text: str) -> str:
    try:
        return roomKey(text)[0]
    except ChatError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    program = clientProgram("chat")
    parser = CommandParser(
        prog=program,
        description=DESCRIPTION,
        epilog=EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"tsservices {__version__}")
    add(
        "host",
        metavar="HOST",
        nargs="?",
        type=serverName,
        default=DEFAULT_HOST,
        help="name, IPv4 or IPv6 address of the server (default %(default)s)",
    )
    add(
        "--port",
        metavar="P",
        type=portNumber,
        help=f"port of the chat (default {DEFAULT_PORT + CHAT_OFFSET}, under TLS "
        f"{DEFAULT_PORT + TLS_OFFSET + CHAT_OFFSET})",
    )
    add(
        "--nick",
        metavar="NAME",
        type=_name,
        help="the name to enter with (default: that of the user, or guest and a number "
        "if that is taken)",
    )
    add(
        "--room",
        metavar="ROOM",
        dest="rooms",
        type=_room,
        action="append",
        help=f"a room to join; may be given several times (default {LOBBY})",
    )
    add(
        "--account",
        metavar="NAME",
        type=_name,
        help=f"log in; the password is asked for, unless a token is kept, or it is in ${PASSWORD} "
        "or in the file of --password-file",
    )
    add(
        "--password-file",
        metavar="FILE",
        help="its first line is the password of --account; nobody but its owner may be "
        "allowed to read it",
    )
    keeping = parser.add_mutually_exclusive_group()
    keeping.add_argument(
        "--remember",
        action="store_true",
        help="after a log-in by the password, keep a token of --account in the file tokens of "
        "the folder of --state, without a question; with it no password is needed next time",
    )
    keeping.add_argument(
        "--forget",
        action="store_true",
        help="remove the kept token of this server and --account; with the password it is "
        "revoked at the server too",
    )
    add(
        "--json",
        action="store_true",
        help="for programs: print each object of the server as it came, one on a line, and "
        "those of the client itself (type client: connected, lost, resumed, notSent, note, "
        "complaint)",
    )
    add(
        "--inline",
        action="store_true",
        help="at a terminal: no full screen; what comes is printed above the line being typed",
    )
    add(
        "--show",
        action="store_true",
        help="in a pipe: print what comes, and not errors alone",
    )
    add(
        "--log",
        metavar="DIR",
        help="write what is said in each room, and privately with each person, to files in DIR",
    )
    add(
        "--settings",
        metavar="FILE",
        help="the settings of the full screen, in TOML (default: chat.toml in the folder of "
        "--state)",
    )
    add("--no-bell", action="store_true", help="never ring the terminal's bell")
    add(
        "--state",
        metavar="DIR",
        help="the folder where what was typed is kept, the keys of servers, and tokens "
        "(default: the first entry of $STATE_DIRECTORY, else the user's state folder)",
    )
    add(
        "--timeout",
        metavar="S",
        type=seconds,
        default=STREAM_TIMEOUT,
        help="longest wait for the connection, and for the next one when all input was "
        "read, in seconds (default %(default)g)",
    )
    addTLSOptions(parser)
    return parser


def passwordOf(path: str, user: int) -> str:
    """
    Read the password from a file.

    @param user: the id of the user who, besides root, may own the file.
    @raise ValueError: the file has no password, or is not private; the text says why.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            # fstat, because the path may name another file a moment later.
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{path} is no file")
            if status.st_mode & 0o077 or status.st_uid not in (user, 0):
                raise ValueError(f"others may read {path}: chmod 600 it")
            password = file.readline().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8") from None
    if not password:
        raise ValueError(f"{path} is empty")
    return password


def parseChat(
    arguments: Sequence[str],
    environ: Mapping[str, str] = os.environ,
    ask: Callable[[str], str] | None = None,
    stateFolder: Callable[[], str] = defaultStateFolder,
) -> ChatOptions:
    """
    Read the command line.

    @param ask: asks for a password; L{None}: nobody can be asked.
    @raise SystemExit: with status 2 if the command line is wrong, with 0 after help or the
        version was printed, and with 130 if the question for the password was interrupted.
    """
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if parsed.password_file and not parsed.account:
        parser.error("--password-file needs --account")
    if (parsed.remember or parsed.forget) and not parsed.account:
        parser.error("--remember and --forget need --account")
    if parsed.account and parsed.nick:
        parser.error("--account goes without --nick: the account has a name")
    folder = parsed.state or userFolder(stateFolder)
    server = readServer(parser, parsed, CHAT_OFFSET, lambda: folder)
    password = ""
    if parsed.account:
        # Problems with the token file are shown only if there is no password.
        complaints: list[str] = []
        tokens = TokenFile(folder, server.host, server.port, complaints.append)
        isStored = tokens.has(parsed.account)
        question = f"password of {parsed.account}: "
        if parsed.forget:
            question = (
                f"password of {parsed.account}, to have the token revoked at the server too "
                "(empty: do not): "
            )
        try:
            if parsed.password_file:
                password = passwordOf(parsed.password_file, os.getuid())
            else:
                password = environ.get(PASSWORD, "")
                if not password and ask is not None and isStored is parsed.forget:
                    password = ask(question)
        except ValueError as error:
            parser.error(str(error))
        except (KeyboardInterrupt, EOFError):
            raise SystemExit(INTERRUPTED) from None
        if not password and not isStored and not parsed.forget:
            why = "".join(f"; {complaint}" for complaint in complaints)
            parser.error(f"--account needs a password: --password-file, or ${PASSWORD}{why}")
    return ChatOptions(
        server.host,
        server.port,
        parsed.nick or "",
        tuple(dict.fromkeys(parsed.rooms or [LOBBY])),
        parsed.account or "",
        password,
        parsed.json,
        not parsed.no_bell,
        folder,
        parsed.timeout,
        userName(environ),
        server.tls,
        parsed.remember,
        parsed.forget,
        parsed.inline,
        parsed.show,
        parsed.log or "",
        parsed.settings or "",
        bool(parsed.rooms),
    )


def userName(environ: Mapping[str, str]) -> str:
    """Choose a name for a user who has given none."""
    name = environ.get("USER") or environ.get("LOGNAME") or ""
    try:
        nameKey(name)
    except ChatError:
        return "guest"
    return name


def asker(isTerminal: Callable[[int], bool]) -> Callable[[str], str] | None:
    """Return a function that asks for a password without echo; L{None} without a terminal."""
    return getpass.getpass if isTerminal(0) and isTerminal(2) else None
