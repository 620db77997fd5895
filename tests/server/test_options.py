"""Tests for L{tsservices.server.options} and L{tsservices.server.config}."""

from __future__ import annotations

import io
import ipaddress
import os
import sys

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from tsservices import __version__
from tsservices.common.limits import Limits
from tsservices.frontends.web.origins import WebConfig, publicPlace
from tsservices.server import registry
from tsservices.server.endpoints import KINDS
from tsservices.server.option_rows import DEFAULT_STREAM
from tsservices.server.options import Options
from tsservices.server.registry import BUILTIN
from tsservices.server.wiring import webConfig


class OptionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.state = os.path.abspath(self.mktemp())

    def parse(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(["--state", self.state, *words])
        return options

    def refused(self, *words: str) -> str:
        error: Exception = self.assertRaises(usage.UsageError, self.parse, *words)
        return str(error)

    def config(self, text: str) -> str:
        path: str = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_defaults(self) -> None:
        options = self.parse()
        self.assertEqual(len(options.listenSpecs), 13)
        self.assertEqual(options["trust"], ["127.0.0.0/8", "::1/128"])
        self.assertEqual(options.limits, Limits())
        self.assertEqual(str(options.folder), self.state)
        self.assertEqual(options["interface"], "127.0.0.1")

    def test_keep(self) -> None:
        for value, seconds in (("12h", 43_200), ("90d", 7_776_000), ("2w", 1_209_600)):
            self.assertEqual(self.parse("--keep", value)["keep"], seconds)
        self.assertIsNone(self.parse("--keep", "forever")["keep"])
        self.assertIsNone(self.parse()["keep"])

    def test_web(self) -> None:
        options = self.parse()
        self.assertEqual(webConfig(options), WebConfig())
        text = (
            'http-hosts = ["Chat.example", "chat.lan"]\n'
            'http-proxies = ["10.0.0.0/8", "unix"]\n'
            'http-origin = "https://chat.example/talk"\n'
        )
        place = publicPlace("https://chat.example/talk/")
        self.assertEqual(
            webConfig(self.parse("--config", self.config(text))),
            WebConfig(
                frozenset({"chat.example", "chat.lan"}),
                (ipaddress.ip_network("10.0.0.0/8"),),
                True,
                place,
            ),
        )
        for key, value in (
            ("http-hosts", '["http://a"]'),
            ("http-hosts", '[""]'),
            ("http-proxies", '["loopback"]'),
            ("http-proxies", "7"),
            ("http-origin", '"chat.example"'),
            ("http-origin", "7"),
        ):
            path = self.config(f"{key} = {value}\n")
            self.assertIn(key, self.refused("--config", path))

    def test_missingExtra(self) -> None:
        self.patch(registry, "EXTRAS", {"http": ("nothing_like_this",)})
        options = self.parse()
        self.assertNotIn("http", [spec.service.name for spec in options.listenSpecs])
        words = "http needs the extra http: pip install 'tsservices[http]'"
        self.assertEqual(options.unserved, [words])
        for given in (("--services", "http,hello"), ("--listen", "http=tcp:0")):
            self.assertIn(words, self.refused(*given))
        self.assertEqual(self.parse("--services", "hello").unserved, [])

    def test_chatOperators(self) -> None:
        self.assertEqual(self.parse()["chat-operators"], [])
        for text, keys in (('["Ann", "bob"]', ["ann", "bob"]), ('"Ann"', ["ann"]), ("[]", [])):
            options = self.parse("--config", self.config(f"\ufeffchat-operators = {text}\n"))
            self.assertEqual(options["chat-operators"], keys)
            self.assertIsNone(options["operator"])
        for text in ('["a b"]', '[""]', '["ann", "#x"]', "[1]", "7", "true", f'["{"x" * 33}"]'):
            path = self.config(f"chat-operators = {text}\n")
            self.assertIn("chat-operators: ", self.refused("--config", path))
        self.assertRaises(usage.UsageError, self.parse, "--chat-operators", "ann")
        path = self.config('operator = "Ann"\n')
        options = self.parse("--config", path)
        self.assertEqual((options["operator"], options["chat-operators"]), ("Ann", []))

    def test_cluster(self) -> None:
        options = self.parse()
        self.assertEqual((options["cluster"], options["node"]), (None, None))
        options = self.parse("--cluster", "nats://a:4222,tls://b", "--node", "web-1")
        self.assertEqual(options["cluster"], ["nats://a:4222", "tls://b"])
        self.assertEqual(options["node"], "web-1")
        self.assertEqual(
            (options["cluster-stream"], options["cluster-replicas"]), (DEFAULT_STREAM, 1)
        )
        path = self.config(
            'cluster = ["nats://a", "nats://b"]\ncluster-user-file = "/etc/who"\n'
            'cluster-replicas = 3\ncluster-stream = "chat"\n'
        )
        options = self.parse("--config", path)
        self.assertEqual(options["cluster"], ["nats://a", "nats://b"])
        self.assertEqual(options["cluster-user-file"], "/etc/who")
        self.assertEqual((options["cluster-stream"], options["cluster-replicas"]), ("chat", 3))
        options = self.parse("--config", self.config('cluster = "nats://a,nats://b"\n'))
        self.assertEqual(options["cluster"], ["nats://a", "nats://b"])

    def test_badCluster(self) -> None:
        for words, expected in (
            (("--cluster", "http://a"), "cluster takes nats://HOST:PORT"),
            (("--cluster", ""), "cluster takes nats://HOST:PORT"),
            (("--cluster", "nats://a,"), "cluster takes nats://HOST:PORT"),
            (("--cluster", "nats://a:99999"), "cluster takes nats://HOST:PORT"),
            (("--cluster", "nats://a/chat"), "cluster takes nats://HOST:PORT"),
            (("--cluster", "nats://me:secret@a"), "cluster takes no passwords"),
            (("--node", "Web 1"), "a node's name is"),
        ):
            self.assertIn(expected, self.refused(*words))
        for text, expected in (
            ("cluster-replicas = 2\n", "there may be 1, 3 or 5 replicas, not 2"),
            ("cluster-replicas = true\n", "there may be 1, 3 or 5 replicas, not True"),
            ('cluster-stream = "a.b"\n', "a stream's name is"),
        ):
            self.assertIn(expected, self.refused("--config", self.config(text)))

    def test_stateFolder(self) -> None:
        options = Options()
        options.parseOptions(["--state", "here"])
        self.assertEqual(str(options.folder), os.path.abspath("here"))
        options = Options()
        options.parseOptions([])
        self.assertTrue(os.path.isabs(str(options.folder)))

    def test_stateFolderBelowARemovedFolder(self) -> None:
        back = os.getcwd()
        self.addCleanup(os.chdir, back)
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir(os.path.join(back, "gone"))
        reason = self.assertRaises(usage.UsageError, Options().parseOptions, ["--state", "here"])
        self.assertIn("state: the current folder: No such file", str(reason))

    def test_help(self) -> None:
        text = str(Options())
        self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])
        text = " ".join(text.split())
        for word in (
            *(f"--{row[0]}" for row in Options.optParameters),
            "--listen",
            "--trust",
            *(row.name for row in BUILTIN),
            *(row.summary for row in BUILTIN),
            *KINDS,
            *Limits.fieldNames(),
        ):
            self.assertIn(word, text)

    def test_synopsis(self) -> None:
        for program, expected in (
            ("/usr/bin/twistd", "Usage: twistd [options]"),
            ("/usr/bin/tsservices", "Usage: tsservices serve [options]"),
        ):
            self.patch(sys, "argv", [program])
            self.assertEqual(Options().getSynopsis(), expected)

    def test_version(self) -> None:
        printed: list[object] = []
        self.patch(__import__("builtins"), "print", printed.append)
        self.assertRaises(SystemExit, self.parse, "--version")
        self.assertEqual(printed, [f"tsservices {__version__}"])

    def test_rejected(self) -> None:
        for words, expected in (
            (("--port", "70000"), "a port is a number from 0 to 65535, not '70000'"),
            (("--port", "-1"), "a port is a number"),
            (("--interface", "eth0"), "an interface is an address, not 'eth0'"),
            (("--interface", "fe80::1"), "needs its interface, as in fe80::1%eth0"),
            (("--services", "ack,nope"), "there is no service 'nope'; there are timestamp,"),
            (("--services", ","), "services: none is named"),
            (("--journal", "paper"), "there is no journal 'paper'; there are sqlite, memory"),
            (("--keep", "90"), "keep takes forever, or a time like 12h, 90d or 52w, not '90'"),
            (("--keep", "30m"), "keep takes forever"),
            (("--keep", "90D"), "keep takes forever"),
            (("--keep", "1000000h"), "keep takes forever"),
            (("--keep", "0d"), "keep takes forever"),
            (("--keep", "-1d"), "keep takes forever"),
            (("--flood-lines", "-1"), "flood-lines takes 0 to"),
            (("--stamp", "roman"), "there are ctime, iso, epoch-ns"),
            (("--trust", "everyone"), "trust takes networks"),
            (("--operator", ""), "an operator's name"),
            (("--operator", "a\tb"), "an operator's name"),
            (("--backlog", "0"), "backlog takes 1 to 65535 connections, not 0"),
            (("--max-connections", "many"), "max-connections takes a whole number"),
            (("--listen", "timestamp=tcp:70000"), "timestamp=tcp:70000: a port is"),
            (("--nonsense",), "not recognized"),
            (("word",), "there are only options here, and 'word' is none"),
            (("--config", "/no/such/file"), "/no/such/file: No such file"),
        ):
            self.assertIn(expected, self.refused(*words))
            self.assertNotIn("enforcement", self.refused(*words))

    def test_oneLineUnderTwistd(self) -> None:
        programs = ("/usr/bin/tsservices", "tsservices serve"), ("twistd", "twistd tsserver")
        for program, name in programs:
            self.patch(sys, "argv", [program])
            output = io.StringIO()
            self.patch(sys, "stderr", output)
            options = Options()
            options.parent = usage.Options()
            options.parent["nodaemon"] = 1
            ended = self.assertRaises(SystemExit, options.parseOptions, ["--port", "a\nb"])
            self.assertEqual(ended.code, 1)
            reason, hint = output.getvalue().splitlines()
            self.assertIn(f"{name}: a port is a number from 0 to 65535", reason)
            self.assertEqual(hint, f"{name}: see {name} --help")

    def test_trust(self) -> None:
        options = self.parse("--trust", "10.0.0.0/8,::1", "--trust", "192.0.2.0/24")
        self.assertEqual(options["trust"], ["10.0.0.0/8", "::1", "192.0.2.0/24"])

    def test_trustNobody(self) -> None:
        self.assertEqual(self.parse("--config", self.config("trust = []"))["trust"], [])

    def test_sharedPorts(self) -> None:
        options = self.parse("--reuse-port")
        self.assertEqual(len(options.listenSpecs), 9)
        for words in (("--services", "talk"), ("--listen", "talk=tcp:1")):
            self.assertIn("talk can't share", self.refused("--reuse-port", *words))
        options = self.parse("--config", self.config("reuse-port = true\nno-fast-lane = false"))
        self.assertTrue(options["reuse-port"])

    def test_processes(self) -> None:
        options = self.parse("--processes", "3")
        self.assertEqual((options["processes"], len(options.listenSpecs)), (3, 9))
        self.assertEqual(
            options.unserved, ["not served by several processes: talk, chat, irc, http"]
        )
        self.assertEqual(self.parse("--config", self.config("processes = 4"))["processes"], 4)
        for words, why in (
            (("--services", "irc"), "irc can't share its port with other processes"),
            (("--reuse-port",), "either --processes or --reuse-port"),
            (("--listen", "ack=unix:/x", "--listen", "sink=unixgram:/y"), "can't be shared"),
        ):
            self.assertIn(why, self.refused("--processes", "2", *words))
        for value in ("0", "-1", "257", "many", "1.5", ""):
            self.assertIn("a number from 1 to 256", self.refused("--processes", value))

    def test_config(self) -> None:
        path = self.config(
            """
            port = 30000
            services = ["ack", "hello"]
            listen = "echo=udp:7007"
            trust = ["10.0.0.0/8"]
            stamp = "iso"
            backlog = 7
            idle-limit = 5
            max-datagram = "600"
            """
        )
        options = self.parse("--config", path)
        self.assertEqual(
            [str(place.description) for place in options.listenSpecs],
            [
                "tcp:30002:interface=127.0.0.1:backlog=7",
                "udp:30002:interface=127.0.0.1",
                "tcp:30003:interface=127.0.0.1:backlog=7",
                "udp:7007:interface=127.0.0.1",
            ],
        )
        self.assertEqual(options.limits, Limits(backlog=7, idleLimit=5, maxDatagram=600))
        self.assertEqual((options["stamp"], options["trust"]), ("iso", ["10.0.0.0/8"]))

    def test_load(self) -> None:
        with open("loaded.py", "w", encoding="utf-8") as file:
            file.write(
                "from tsservices.services.api import ServiceSpec, StreamProtocol\n"
                "service = ServiceSpec('mine', 'text', StreamProtocol)\n"
            )
        self.patch(sys, "path", list(sys.path))
        self.addCleanup(sys.modules.pop, "loaded", None)
        path = self.config('load = "loaded"\nservices = "mine"\nport = 0')
        self.assertEqual(
            [place.service.name for place in self.parse("--config", path).listenSpecs], ["mine"]
        )
        # The command line may name the module behind the service.
        options = self.parse("--services", "mine", "--listen", "mine=tcp:7", "--load", "loaded")
        (place,) = options.listenSpecs
        self.assertEqual((place.service.name, place.description.argument("port")), ("mine", "7"))
        self.assertNotIn(
            "mine", [place.service.name for place in self.parse("--load", "loaded").listenSpecs]
        )
        path = self.config('services = "mine"')
        self.assertIn(
            f"{path}: services: there is no service 'mine'", self.refused("--config", path)
        )
        self.assertIn("--load loaded", self.refused("--load", "loaded", "--load", "loaded"))
        self.assertIn("mine", str(self.parse("--load", "loaded")))
        self.assertIn("--load absent cannot be loaded", self.helpOf("--load", "absent"))

    def helpOf(self, *words: str) -> str:
        options = Options()
        self.assertRaises(usage.UsageError, options.parseOptions, ["--state", self.state, *words])
        return str(options)

    def test_optionsOverrideConfig(self) -> None:
        path = self.config('port = 30000\nbacklog = 7\nservices = "ack"\nlisten = "ack=tcp:1"')
        options = self.parse(
            "--config", path, "--port", "21567", "--backlog", "1024", "--listen", "ack=tcp:2"
        )
        self.assertEqual(
            [str(place.description) for place in options.listenSpecs],
            ["tcp:2:interface=127.0.0.1:backlog=1024"],
        )

    def test_badConfig(self) -> None:
        for text, expected in (
            ("colour = 1", "there is no key 'colour'; is it "),
            ("config = 'x'", "there is no key 'config'"),
            ("idle-limit = 1.5", "idle-limit: this is a text or a whole number, not 1.5"),
            ("idle-limit = true", "idle-limit takes a whole number of seconds, not True"),
            ("state = true", "state: this is a text, not True"),
            ("reuse-port = 1", "reuse-port: this is true or false, not 1"),
            ("idle-limit = -1", "idle-limit takes 0 to"),
            ("port = [1]", "port: this is a text or a whole number, not [1]"),
            ("listen = [1]", "listen: this is a list of texts, not [1]"),
            ("port = ", "Invalid value"),
            ('listen = ["nope=tcp:1"]', "listen: there is no service 'nope'"),
            ('load = "no_such_module"', "load: --load no_such_module cannot be loaded"),
            ('stamp-key = "/no/such"', "stamp-key: /no/such: No such file"),
            ("[port]\nx = 1", "port: this is a text or a whole number, not {'x': 1}"),
        ):
            self.assertIn(expected, self.refused("--config", self.config(text)))

    def test_logWithOperatorOnTerminal(self) -> None:
        for named, expected in (
            (None, os.path.join(self.state, "tsserver.log")),
            ("-", os.path.join(self.state, "tsserver.log")),
            ("mine.log", "mine.log"),
        ):
            options = Options()
            options.parent = usage.Options()
            options.parent["logfile"] = named
            options.parseOptions(["--state", self.state, "--operator", "Jack"])
            self.assertEqual(options.parent["logfile"], expected)
