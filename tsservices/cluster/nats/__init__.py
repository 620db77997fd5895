"""
NATS JetStream as the broker of a cluster.

The client, nats-py, needs an asyncio event loop, with any reactor: L{loop_thread} runs one in a
thread, L{broker} is the reactor's side, and L{session} runs in the thread.  L{connection} connects
and reconnects; L{stream} finds or creates the stream; L{publisher} and L{consumer} send and read;
L{objects} stores snapshots.  Only L{client_internals} uses undocumented names of nats-py.
"""
