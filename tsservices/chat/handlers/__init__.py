"""
What each operation does to the state; L{tsservices.chat.apply} has the rules for this package.

A handler takes the state, its operation, the session that proposed it, and the batch for what comes
of it. It raises L{ChatError<tsservices.chat.errors.ChatError>} to reject the operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.operations import Operation
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: Handlers by the operations that they take.
Handlers = dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]]
