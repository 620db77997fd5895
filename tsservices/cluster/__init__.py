"""
Many nodes with one chat: what each proposes goes through one stream to all.

L{messages} travel through an L{engine}; the L{outbox} and L{resending} see to it that each
counts once and in order; the L{orderer} stands between these and the pipeline, has what
comes back applied by L{applying}, and knows by L{watch} which nodes are silent; L{telling}
is for the people who wait, and L{standing} for whoever looks after the server.  All of it is
pure but L{jetstream}, the engine.
"""
