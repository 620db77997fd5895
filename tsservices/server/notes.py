"""The notes below the table of services at the start."""

from __future__ import annotations

from tsservices.admin.control import ControlService
from tsservices.common.limits import Limits
from tsservices.common.text import plural
from tsservices.server.certificates import ServerCertificate
from tsservices.server.chat.service import ChatService
from tsservices.server.listeners import ONLY
from tsservices.server.log import logPlace
from tsservices.server.options import Options
from tsservices.services.talk.operator import OperatorService


def startNotes(
    options: Options,
    limits: Limits,
    chat: ChatService,
    operator: OperatorService,
    control: ControlService,
) -> list[str]:
    """@param limits: the limits after those of the system were applied."""
    notes = [f"log: {logPlace(options.parent or {})}; state: {options.folder}", *chat.notes]
    notes += options.unserved
    if options["reuse-port"]:
        notes.append(f"ports may be shared; these are in {options.folder.path('ports.<pid>.json')}")
    elif not options.folder.owned:
        notes.append(
            "another server has this state folder: ports are in "
            f"{options.folder.path('ports.<pid>.json')}, and operators attach to the other one"
        )
    if operator.trouble:
        notes.append(f"operators can't attach: {operator.trouble}")
    if control.trouble:
        notes.append(f"backup and export can't reach this server: {control.trouble}")
    if limits.maxConnections < options.limits.maxConnections:
        notes.append(f"descriptors allow {plural(limits.maxConnections, 'connection')}, not more")
    if options["processes"] > 1:
        notes.append(f"{options['processes']} processes serve; limits are those of each")
    return notes


def tlsNotes(options: Options, certificate: ServerCertificate | None) -> list[str]:
    """Make the notes about TLS."""
    specs = options.listenSpecs
    notes = []
    if certificate is not None:
        notes += certificate.notes()
    elif options["certificate"] is not None:
        notes.append("TLS: --certificate is not used, since no service is served by it")
    if options["tls"] == ONLY:
        names = [spec.service.name for spec in specs if spec.transport == "udp"]
        if names:
            notes.append(f"TLS: there is none for UDP, so in clear stay {', '.join(names)}")
    return notes
