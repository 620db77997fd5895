"""
The core of the chat, without network, disk, threads and clock: the rules, and one turn.

The path of a line, and the modules that it passes:

  1. The L{controller} of a session takes it from a frontend. A L{verb<tsservices.chat.verbs>}
     checks it for an early answer only, and proposes an operation (L{operations}) to the
     L{pipeline}.
  2. The pipeline orders the proposals of one turn. In a cluster the stream does that.
  3. L{apply} makes the final decision, which may differ from that of the verb, and changes the
     L{state} with the function of L{handlers} for this operation.
  4. The results (L{notifications}, L{errors}, L{records}) are collected in a L{batch}.
  5. The storage (its port is L{storage}) keeps the batch in one transaction.
  6. Then the batch is delivered: L{fanout} encodes each notification once for each format, and
     writes it to the recipients (their port is L{outlet}). No client sees what a crash could undo.

The state has each L{session} and each L{room}, with its L{permissions}. L{names} has the rules for
names of people and rooms. L{history} replays stored lines. L{serialization} writes operations for
the stream of a cluster, L{snapshot} the whole state.

This package imports no Twisted and opens nothing: tests run it without a reactor.
"""
