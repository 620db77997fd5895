"""
Verbs: the requests of users, as functions with typed arguments for all frontends.  Pure.

A verb takes the controller of the session that asks, and raises L{ChatError} to refuse. A verb that
has to wait is a coroutine; L{SessionController.start} runs it.  No verb parses text: frontends
parse their commands, usages and numbers.
"""
