"""
What can be asked for, as functions with typed arguments that every frontend calls.  Pure.

A verb takes the controller of the session that asks, and raises L{ChatError} when it is not done.
A verb that has to wait is a coroutine; L{SessionController.start} runs it.  No verb reads text:
commands, usages and numbers are parsed by the frontend that has them.
"""
