"""
Ways into the chat: bytes to operations, notifications to bytes.

  - L{connection}: the part of a connection that all frontends share, with its send queue
    (L{sendqueue}) and its rate limit (L{flood});
  - L{formats}: notifications as text for people and as JSON for programs;
  - L{slash}: the commands of L{line} and L{web};
  - L{line}, L{irc} and L{web}: the frontends, which do not import each other.
"""
