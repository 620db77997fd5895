"""
The plugins for C{twistd tsserver} and C{twistd --reactor=tsservices}.

This module imports nothing else, because twistd imports it on every run, also for other programs
in the same environment, and before it has chosen a reactor.
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
