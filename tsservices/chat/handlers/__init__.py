"""
Handlers: the effect of each operation on the state; L{tsservices.chat.apply} has their rules.

A handler takes the state, its operation, the session that proposed it, and the batch that gets the
results. It raises L{ChatError<tsservices.chat.errors.ChatError>} to reject the operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.operations import Operation
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: Handlers by the operations that they apply.
Handlers = dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]]
