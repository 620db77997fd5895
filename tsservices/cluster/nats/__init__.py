"""
NATS JetStream as the broker of a cluster.

Its client, nats-py, needs an event loop of asyncio, whatever reactor there is: L{loop_thread} runs
one in a thread, L{broker} is the reactor's side of it, and L{session} all that happens in the
thread.  L{connection} connects, and connects again; L{stream} finds the stream, or makes it;
L{publisher} and L{consumer} send and read; L{objects} keeps snapshots.  Only L{client_internals}
uses names that nats-py does not document.
"""
