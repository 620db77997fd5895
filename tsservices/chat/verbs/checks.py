"""Checks that verbs and frontends make before they propose anything.  Pure."""

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

#: Characters in a topic, in the reason of a leave, in a note of absence: one line of a wide
#: terminal, twice.
TOPIC_LENGTH = 400

#: Told to who sends a password over a connection that is not secure.
INSECURE = "this connection is not encrypted: others on the way can read your passwords and tokens"

#: A permission: for sessions without a name too.
ANYONE = "anyone"

#: A permission: for sessions with a name.
NAMED = "named"

#: A permission: for sessions that are logged in.
REGISTERED = "registered"

#: The other permissions are ranks in the current room; who has them, for a refusal.
RANK_HOLDERS = {
    OPERATOR: "operators of the room",
    FOUNDER: "its founder",
    SERVER: "operators of the server",
}


def checkText(controller: SessionController, label: str, text: str) -> str:
    """
    The text, which others are to read.

    @raise ChatError: it is too long, or has an account token in it.
    """
    if len(text) > TOPIC_LENGTH:
        raise ChatError(TEXT_LONG, what=label, most=TOPIC_LENGTH, length=len(text))
    controller.checkNoToken(text)
    return text


def takesSecrets(controller: SessionController) -> bool:
    """Whether passwords and tokens are taken over this connection at all."""
    refuses = controller.refusesInsecure or controller.context.plainLogin.refuse
    return controller.secure or not refuses


def checkSecure(controller: SessionController) -> None:
    """
    Before a password or a token is sent either way: tell the user, once, that others on the way
    can read it, or refuse that.  Each verb with such a secret begins with this.

    @raise ChatError: this server does not take it over such a connection.
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
    Refuse at once what will not be allowed.

    @raise ChatError: it is not allowed.
    """
    # Only a courtesy: nobody has to wait for the refusal.  The handler that applies the operation
    # decides, by the state at its place in the order.
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
