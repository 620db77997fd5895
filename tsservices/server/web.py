"""The connection of the web frontend with the rest of the server: list of services, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from tsservices.common.counters import CounterRegistry
from tsservices.frontends.web.server import WebServer
from tsservices.server.chat.service import ChatService
from tsservices.services.api import ServiceSpec
from tsservices.transport.binder import Binder


def connectWeb(
    web: WebServer,
    chat: ChatService,
    counters: CounterRegistry,
    services: Mapping[str, ServiceSpec],
    binder: Binder,
    watchers: tuple[IPv4Network | IPv6Network, ...],
) -> None:
    """
    Set the web frontend's sources of services and metrics, before the first listener is made.

    @param services: the services that are served, by name.
    @param watchers: networks that may read the metrics.
    """

    def served() -> list[dict[str, object]]:
        places: dict[str, list[dict[str, object]]] = {name: [] for name in services}
        for labels, _ in counters.entries:
            # No addresses or paths, which are private; the client has the host name already.
            if (port := labels.get("port")) is not None:
                places[str(labels["offering"])].append(
                    {
                        "transport": labels["transport"],
                        "port": port,
                        "tls": bool(labels.get("tls")),
                    }
                )
        return [
            {
                "name": name,
                "summary": service.summary,
                "transports": list(service.transports),
                "places": places[name],
            }
            for name, service in services.items()
        ]

    def listeners() -> str:
        silent = sum(not port.isListening for port in binder.ports)
        return f"{silent} of {len(binder.ports)} places do not listen" if silent else ""

    def resources() -> Mapping[str, Any]:
        # Imported here because it needs the optional extra `http`.
        from tsservices.admin import http
        from tsservices.admin.exposition import ServerCollector

        access = http.MetricsAccess(chat, watchers)
        collector = ServerCollector(
            counters,
            lambda: http.chatTimes(chat),
            http.chatGauges(chat, lambda: chat.pool.size),
        )
        return http.resources(access, collector, {**http.chatChecks(chat), "listeners": listeners})

    web.services = served
    web.resources = resources
