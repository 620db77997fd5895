"""
Timestamp echo and its sister network services on Twisted, in one reactor.

Where to look; each row imports only from those below it:

  - L{tsservices.server}: what twistd runs; its C{registry} has one row for each service;
  - L{tsservices.admin}: commands to a running server, its counters; L{tsservices.client}: the
    other end: echo, talk, chat, probe;
  - L{tsservices.services}: the small services, one module each; L{tsservices.frontends}: ways into
    the chat; L{tsservices.storage}, L{tsservices.cluster}: where it is stored, and ordered;
  - L{tsservices.chat}: the chat itself, pure; L{tsservices.stamp}: RFC 8762, pure;
    L{tsservices.transport}: sockets, admission, guards and time limits on Twisted;
  - L{tsservices.common}: leaves.

L{tsservices.services.api} and L{tsservices.testing} are for services of other packages.
"""

__version__ = "0.1.0"
