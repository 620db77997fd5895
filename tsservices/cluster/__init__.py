"""
Several servers (nodes) with one chat: the operations of all nodes go through one ordered stream.

Nodes publish L{messages} to the L{broker}, which orders them and keeps them for some days.
L{outbox} and L{retransmit} make each message count once and in order.  The L{orderer} connects
these with the pipeline of the chat: L{apply<tsservices.cluster.apply>} applies messages from the
stream, L{failure_detector} finds silent nodes, L{notices} informs users whose lines wait, and
L{status} is for operators.  A starting node uses L{join_decision} to choose how it gets the state
of the others, and L{consistency} to check the result.

All of it is pure except L{nats}, which implements the port L{broker}.  The code that needs files or
the reactor is in C{tsservices.server.chat}.
"""
