"""
Makes C{twistd tsserver} and C{twistd --reactor=tsservices} known.

This module imports nothing else: twistd reads it on every run, also on those of
other programs in the same environment, and before it has chosen a reactor.
"""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

tsserver = ServiceMaker(
    "tsservices",
    "tsservices.server.plugin",
    "Timestamp echo and its sister network services, in one reactor.",
    "tsserver",
)

reactor = Reactor(
    "tsservices",
    "tsservices.transport.epoll.mainloop",
    "epoll with less work for each request of tsservices.",
)
