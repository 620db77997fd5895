"""
Timestamp echo and other network services on Twisted, in one reactor.

The packages; each row imports only from the rows below it:

  - L{tsservices.server}: what twistd runs; its C{registry} has one row for each service;
  - L{tsservices.admin}: commands to a running server, and its counters; L{tsservices.client}: the
    clients of echo, talk, chat and STAMP;
  - L{tsservices.services}: the small services, one module each; L{tsservices.frontends}: the chat
    for nc, IRC and HTTP; L{tsservices.storage}: its database; L{tsservices.cluster}: its cluster;
  - L{tsservices.chat}: the chat without I/O; L{tsservices.stamp}: RFC 8762 without I/O;
    L{tsservices.transport}: sockets, admission, guards and time limits on Twisted;
  - L{tsservices.common}: modules that import no other package of the suite.

L{tsservices.services.api} and L{tsservices.testing} are the API for services of other packages.
"""

__version__ = "0.1.0"
