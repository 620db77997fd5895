"""
Timestamp echo and its sister network services on Twisted, in one reactor.

Where to look:

  - L{tsservices.server.registry}: the services, one row each;
  - L{tsservices.services.api}, L{tsservices.testing}: for services of other packages;
  - L{tsservices.server.options}, L{tsservices.server.config}: how it is asked for;
  - L{tsservices.server.plugin}: how a running server is put together;
  - L{tsservices.services}: the protocols;
  - L{tsservices.transport}: sockets, admission, guards and time limits;
  - L{tsservices.client}: the other end.
"""

__version__ = "0.1.0"
