"""
The chat itself, without wires, disk, threads and clock: the rules, and what one turn brings about.

The way of a line, and where:

  1. The L{controller} of a session takes it from a frontend. A L{verb<tsservices.chat.verbs>}
     checks it as a courtesy, and proposes an operation (L{operations}) to the L{pipeline}.
  2. The pipeline orders what was proposed in one turn. In a cluster the stream does that.
  3. L{apply} decides for good, also against what the check let through, and changes the L{state}
     by the function of L{handlers} for this operation.
  4. What that brings about (L{notifications}, L{errors}, L{records}) is collected in a L{batch}.
  5. The storage (its port is L{storage}) keeps the batch in one transaction.
  6. Then the batch is delivered: L{fanout} encodes each notification once for each format, and
     writes it to the recipients (their port is L{outlet}). So nobody sees what a crash could take
     back.

The state knows each L{session} and each L{room}, with its L{permissions}. L{names} says what people
and rooms may be called. L{history} replays stored lines. L{serialization} writes operations for the
stream of a cluster, L{snapshot} the whole state.

This package imports no Twisted and opens nothing: tests run it without a reactor.
"""
