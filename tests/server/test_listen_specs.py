"""Tests for L{tsservices.server.listeners}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tsservices.server import listeners
from tsservices.server.catalog import Catalog
from tsservices.server.listeners import (
    BESIDE,
    OFF,
    ONLY,
    ListenError,
    ListenSpec,
    checkPlaces,
    parseListen,
    resolveListeners,
    selectServices,
)
from tsservices.server.registry import BUILTIN


class PlacesTests(SynchronousTestCase):
    catalog = Catalog()

    def arrange(
        self,
        names: list[str] | None = None,
        added: tuple[str, ...] = (),
        port: int = 21567,
        tls: str = OFF,
    ) -> list[str]:
        specs = [parseListen(self.catalog, item, "127.0.0.1", 5) for item in added]
        checkPlaces(specs, False, tls)
        places = resolveListeners(
            self.catalog,
            selectServices(self.catalog, names),
            specs,
            port,
            "127.0.0.1",
            5,
            tls,
        )
        return [self.show(place) for place in places]

    def show(self, place: ListenSpec) -> str:
        description = place.description
        where = description.argument("port") if description.kind != "unix" else "unix"
        over = f"{place.transport}{'+tls' if place.encrypted else ''}"
        return f"{place.service.name} {over} {where}"

    def refused(self, words: str, *arguments: object) -> None:
        error = self.assertRaises(ValueError, self.arrange, *arguments)
        self.assertIn(words, str(error))

    def test_defaultPlaces(self) -> None:
        self.assertEqual(
            self.arrange(),
            [
                "timestamp tcp 21567",
                "timestamp udp 21567",
                "timestamp-line tcp 21568",
                "hello tcp 21569",
                "hello udp 21569",
                "ack tcp 21570",
                "sink tcp 21571",
                "sink udp 21571",
                "talk tcp 21572",
                "chat tcp 21573",
                "irc tcp 21574",
                "http tcp 21575",
                "stamp udp 21576",
            ],
        )

    def test_ephemeralPorts(self) -> None:
        self.assertTrue(all(place.endswith(" 0") for place in self.arrange(port=0)))

    def test_ephemeralWithoutDefault(self) -> None:
        self.assertEqual(self.arrange(["echo"], port=0), ["echo tcp 0", "echo udp 0"])
        self.assertEqual(self.arrange(["echo"], ("echo=tcp:7",), port=0), ["echo tcp 7"])

    def test_pickedNames(self) -> None:
        self.assertEqual(
            self.arrange(["ack", "timestamp-line", "ack"]),
            ["timestamp-line tcp 21568", "ack tcp 21570"],
        )

    def test_replacedPlaces(self) -> None:
        self.assertEqual(
            self.arrange(["timestamp"], ("timestamp=tcp:80", "timestamp=unix:/a")),
            ["timestamp tcp 80", "timestamp tcp unix", "timestamp udp 21567"],
        )

    def test_listenPicksService(self) -> None:
        self.assertEqual(
            self.arrange(["ack"], ("echo=udp:7007", "hello=tcp:80")),
            ["hello tcp 80", "ack tcp 21570", "echo udp 7007"],
        )

    def test_statelessWhenSharing(self) -> None:
        self.assertNotIn(
            "talk", [item.name for item in selectServices(self.catalog, None, sharing=True)]
        )
        self.assertEqual(
            [item.name for item in selectServices(self.catalog, ["ack"], sharing=True)], ["ack"]
        )
        error = self.assertRaises(ListenError, selectServices, self.catalog, ["ack", "talk"], True)
        self.assertIn("talk can't share its port", str(error))

    def test_unixgramIsNotShared(self) -> None:
        added = [parseListen(self.catalog, "hello=unixgram:/a", "127.0.0.1", 5)]
        checkPlaces(added, sharing=False)
        error = self.assertRaises(ListenError, checkPlaces, added, True)
        self.assertIn("unixgram can't be shared", str(error))

    def test_tls(self) -> None:
        self.patch(listeners, "endpoint", lambda description, reactor: None)
        ssl, sslPlace = "hello=ssl:9000:privateKey=k", "hello tcp+tls 9000"
        plain, secured = "hello tcp 21569", "hello tcp+tls 21669"
        for added, beside, only in (
            ((), [plain, secured], [secured]),
            ((ssl,), [sslPlace], [sslPlace]),
            ((ssl, "hello=unix:/a"), [sslPlace, "hello tcp unix"], [sslPlace, "hello tcp unix"]),
            (("hello=unix:/a",), ["hello tcp unix", secured], ["hello tcp unix", secured]),
            (
                ("hello=tcp:80:secure=yes",),
                ["hello tcp 80", secured],
                ["hello tcp 80", secured],
            ),
        ):
            for tls, expected in ((BESIDE, beside), (ONLY, only)):
                found = self.arrange(["hello"], added, tls=tls)
                self.assertEqual(found, [*expected, "hello udp 21569"])
        self.assertEqual(self.arrange(["stamp"], tls=ONLY), ["stamp udp 21576"])
        self.assertEqual(
            self.arrange(["echo"], port=0, tls=BESIDE),
            ["echo tcp 0", "echo tcp+tls 0", "echo udp 0"],
        )
        self.assertEqual(self.arrange(["echo"], ("echo=tcp:7",), tls=BESIDE), ["echo tcp 7"])
        for place in ("tcp:80", "haproxy:tcp:80", "haproxy:unix:/a", "tcp:80:secure=no"):
            self.refused("would be in clear", ["hello"], (f"hello={place}",), 21567, ONLY)
        self.refused("hello with TLS would be at port 65537", ["hello"], (), 65435, BESIDE)

    def test_secure(self) -> None:
        self.patch(listeners, "endpoint", lambda description, reactor: None)
        for place, expected in (
            ("tcp:80", None),
            ("haproxy:tcp:80", None),
            ("unix:/a", True),
            ("haproxy:unix:/a", None),
            ("ssl:80", True),
            ("haproxy:ssl:80", True),
            ("tcp:80:secure=yes", True),
            ("haproxy:tcp:80:secure=yes", True),
            ("unix:/a:secure=no", False),
        ):
            spec = parseListen(self.catalog, f"hello={place}", "127.0.0.1", 5)
            self.assertIs(spec.secure, expected)
            self.assertNotIn("secure", str(spec.description))
        for place in ("tcp:80:secure=maybe", "udp:80:secure=yes", "unixgram:/a:secure=no"):
            self.refused("secure", ["hello"], (f"hello={place}",))

    def test_noPlace(self) -> None:
        self.refused("say --listen chargen=tcp:PORT, or --port 0", ["chargen"])
        self.assertEqual(self.arrange(["chargen"], ("chargen=tcp:19000",)), ["chargen tcp 19000"])

    def test_rejected(self) -> None:
        self.refused("there are timestamp, ", ["nothing"])
        self.refused("none is named", [])
        self.refused("there are timestamp, ", None, ("nothing=tcp:80",))
        self.refused("this is NAME=ENDPOINT", None, ("tcp:80",))
        self.refused("ack has no udp; it has tcp", None, ("ack=udp:80",))
        self.refused("ack=tcp:x: a port", None, ("ack=tcp:x",))
        self.refused("ack has no udp", None, ("ack=unixgram:/a",))
        self.refused("stamp is for UDP", None, ("stamp=unixgram:/a",))
        self.refused("hello would be at port 65536", None, (), 65534)

    def test_catalogIsUnique(self) -> None:
        self.assertEqual(len({row.name for row in BUILTIN}), len(BUILTIN))
        offsets = [row.offset for row in BUILTIN if row.offset is not None]
        self.assertEqual(offsets, sorted(set(offsets)))
        self.assertTrue(all(row.transports for row in BUILTIN))
