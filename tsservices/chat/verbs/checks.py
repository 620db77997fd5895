"""Checks of verbs and frontends before they propose an operation.  Pure."""

from __future__ import annotations

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    NAME_FIRST,
    NOT_ALLOWED,
    NOT_SECURE,
    TEXT_LONG,
    ChatError,
)
from tsservices.chat.notifications import INSECURE_CODE, Notice
from tsservices.chat.permissions import FOUNDER, OPERATOR, SERVER, atLeast

#: Maximum length of a topic, of the reason for leaving, and of an away text: two lines of a wide
#: terminal.
SHORT_TEXT_LENGTH = 400

#: The warning for a password on an unencrypted connection.
INSECURE = "this connection is not encrypted: others on the way can read your passwords and tokens"

#: A permission: for sessions without a name too.
ANYONE = "anyone"

#: A permission: for sessions with a name.
NAMED = "named"

#: A permission: for sessions that are logged in.
REGISTERED = "registered"

#: The other permissions are ranks in the current room; the values name their holders in errors.
RANK_HOLDERS = {
    OPERATOR: "operators of the room",
    FOUNDER: "its founder",
    SERVER: "operators of the server",
}


def checkText(controller: SessionController, label: str, text: str) -> str:
    """
    Return a text that others will read.

    @raise ChatError: it is too long, or contains an account token.
    """
    if len(text) > SHORT_TEXT_LENGTH:
        raise ChatError(TEXT_LONG, what=label, most=SHORT_TEXT_LENGTH, length=len(text))
    controller.checkNoToken(text)
    return text


def takesSecrets(controller: SessionController) -> bool:
    """Whether passwords and tokens are accepted over this connection."""
    refuses = controller.refusesInsecure or controller.context.plainLogin.refuse
    return controller.secure or not refuses


def checkSecure(controller: SessionController) -> None:
    """
    Warn the user, once, that others on the network can read a secret, or refuse it.  Each verb that
    gets or shows a password or token calls this first.

    @raise ChatError: this server accepts no secrets over such a connection.
    """
    if controller.secure:
        return
    port = controller.tlsPort
    other = f"; port {port} has TLS" if port is not None else ""
    if not takesSecrets(controller):
        raise ChatError(NOT_SECURE, other=other)
    if not controller.warnedInsecure:
        controller.warnedInsecure = True
        controller.presenter.show(Notice([INSECURE + other], INSECURE_CODE))


def checkPermission(controller: SessionController, permission: str, action: str) -> None:
    """
    Refuse early a request that will not be allowed.

    @raise ChatError: it is not allowed.
    """
    # Only for an early answer.  The handler decides, by the state at the position of the operation
    # in the order.
    session = controller.session
    if permission == ANYONE:
        return
    if not controller.entered:
        raise ChatError(NAME_FIRST)
    if permission == REGISTERED and session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what=action)
    if permission not in RANK_HOLDERS:
        return
    state = controller.context.state
    if permission == SERVER:
        allowed = state.isServerOperator(session)
    else:
        allowed = atLeast(state.rank(session, controller.room()), permission)
    if not allowed:
        raise ChatError(NOT_ALLOWED, who=RANK_HOLDERS[permission])
