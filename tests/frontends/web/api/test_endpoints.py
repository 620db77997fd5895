"""The file that describes the API, and what there is."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from tests.support.api import APIServer
from tsservices.frontends.web.api.endpoints import ENDPOINTS
from tsservices.frontends.web.api.reading import MOST_ROOMS

DOCUMENT: dict[str, Any] = json.loads(
    (files("tsservices.frontends.web.api") / "openapi.json").read_text("utf-8")
)


def parameters(operation: dict[str, Any]) -> dict[str, int]:
    return {
        item["name"]: item["schema"].get("maxItems", 1)
        for item in operation.get("parameters", ())
        if item["in"] == "query"
    }


def test_paths() -> None:
    described = {
        "/" + b"/".join(item.path).decode(): {
            method.decode().lower() for method in item.methods if method in (b"GET", b"POST")
        }
        for item in ENDPOINTS
    }
    assert described == {
        path: {"get", "post"} & set(item) for path, item in DOCUMENT["paths"].items()
    }


def test_parameters() -> None:
    for endpoint in ENDPOINTS:
        path = DOCUMENT["paths"]["/" + b"/".join(endpoint.path).decode()]
        assert parameters(path["get"]) == dict(endpoint.parameters), endpoint.path
    assert MOST_ROOMS == 16


def test_namesOfFields() -> None:
    server = APIServer()
    ann = server.member("ann", "tea")
    server.say(ann, "hello", "/topic x")
    token = server.addAccount("bot")
    posted = server.post("tea", {"text": "x"}, token).document
    message = server.get("/api/v1/rooms/tea/messages").document
    schemas = DOCUMENT["components"]["schemas"]
    assert list(posted) == schemas["Posted"]["required"]
    assert list(message) == schemas["Messages"]["required"]
    assert list(message["messages"][0]) == schemas["Message"]["required"]
    room = server.get("/api/v1/rooms").document["rooms"][0]
    assert list(room) == schemas["Room"]["required"]
    found = server.get("/api/v1/search?room=tea&q=hello").document
    assert list(found) == schemas["Found"]["required"]
