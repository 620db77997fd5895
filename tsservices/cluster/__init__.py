"""
Several servers (nodes) with one chat: the operations of all go through one stream, in one order.

L{messages} are what nodes publish to the L{broker}, which orders them and keeps them for some
days.  The L{outbox} and L{retransmit} see to it that each message counts once and in order.  The
L{orderer} stands between these and the pipeline of the chat: what the stream brings is applied by
L{apply<tsservices.cluster.apply>}, silent nodes are found by L{failure_detector}, people who wait
are written to by L{notices}, and L{status} is for operators.  A node that starts decides by
L{join_decision} how it gets to the state of the others, and by L{consistency} whether it did.

All of it is pure but L{nats}, which implements the port L{broker}.  What needs files or the
reactor is in C{tsservices.server.chat}.
"""
