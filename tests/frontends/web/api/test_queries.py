"""Tests for L{tsservices.frontends.web.api.queries} and the errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tsservices.chat import errors as codes
from tsservices.chat.errors import ChatError, ErrorCode
from tsservices.common.tokens import newToken
from tsservices.frontends.web.api import queries
from tsservices.frontends.web.api.endpoints import find
from tsservices.frontends.web.api.errors import STATUSES, APIError, fromChat, tooFast

NAMES = {"limit": 1, "q": 1, "room": 2}


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(APIError) as caught:
        call()
    return caught.value.status, caught.value.code


def test_parameters() -> None:
    query = queries.readQuery(b"room=a&q=one+%22two%20three%22&room=%C3%A9&limit=7", NAMES)
    assert (query.texts("room"), query.text("q")) == (["a", "é"], 'one "two three"')
    assert query.number("limit", 50, 1, 200) == 7
    assert (query.number("other", 3), query.text("other"), query.texts("other")) == (3, "", ())


def test_noParameters() -> None:
    assert not queries.readQuery(b"", NAMES).has("q")


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"nope=1", 400, "bad-request"),
        (b"q=1&q=2", 400, "bad-request"),
        (b"room=a&room=b&room=c", 400, "bad-request"),
        (b"q=%zz", 400, "bad-request"),
        (b"q=%", 400, "bad-request"),
        (b"q=%ff", 400, "bad-request"),
        (b"q=%00", 400, "bad-request"),
        (b"q=\xff", 400, "bad-request"),
        (b"&", 400, "bad-request"),
        (b"q=tst_4xs62em6f3", 400, "token-in-url"),
        (b"q=tst%5f4xs62em6f3", 400, "token-in-url"),
        (b"access_token=x", 400, "token-in-url"),
        (b"Token=x", 400, "token-in-url"),
        (b"q=" + b"x" * 5000, 414, "query-long"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_refusedQueries(raw: bytes, status: int, code: str) -> None:
    assert refused(lambda: queries.readQuery(raw, NAMES)) == (status, code)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e3", "0x1", " 1", "1 ", "٣", "1_0", "201", "9" * 30, "1.0", "nan"]
)
def test_refusedNumbers(text: str) -> None:
    query = queries.Query({"limit": [text]})
    assert refused(lambda: query.number("limit", 5, 1, 200))[0] == 400


@pytest.mark.parametrize("header", ["Bearer abc", "bearer  abc ", "BEARER abc"])
def test_bearer(header: str) -> None:
    assert queries.bearer([header]) == "abc"


def test_noBearer() -> None:
    assert queries.bearer([]) is None


@pytest.mark.parametrize("values", [["Basic abc"], ["Bearer"], [""], ["Bearer a", "Bearer b"]])
def test_refusedBearers(values: list[str]) -> None:
    assert refused(lambda: queries.bearer(values)) == (400, "bad-request")


@pytest.mark.parametrize("values", [[""], ["a b"], ["é"], ["x" * 129], ["a", "b"], ["a\t"]])
def test_refusedKeys(values: list[str]) -> None:
    assert refused(lambda: queries.requestKey(values)) == (400, "bad-request")


def test_keys() -> None:
    assert queries.requestKey([]) == ""
    assert queries.requestKey(['"8e03978e-40d5"']) == '"8e03978e-40d5"'


@pytest.mark.parametrize(
    ("accept", "isAccepted"),
    [
        ([], True),
        (["*/*"], True),
        (["application/json"], True),
        (["text/html, application/*;q=0.8"], True),
        (["Application/JSON; charset=utf-8"], True),
        (["text/html", "*/*;q=0.1"], True),
        (["text/html"], False),
        (["*/*;q=0"], False),
        (["application/json;q=0, */*"], False),
        (["application/json;q=0.0"], False),
        (["nonsense"], False),
        ([""], False),
    ],
)
def test_accept(accept: list[str], isAccepted: bool) -> None:
    if isAccepted:
        queries.checkAccepted(accept, "application/json")
    else:
        wrong = lambda: queries.checkAccepted(accept, "application/json")  # noqa: E731
        assert refused(wrong) == (406, "accept")


@pytest.mark.parametrize(
    "values",
    [
        ["application/json"],
        ["Application/JSON; charset=UTF-8"],
        ['application/json;charset="utf-8"'],
    ],
)
def test_contentTypes(values: list[str]) -> None:
    queries.checkContentType(values)


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["text/plain"],
        ["application/x-www-form-urlencoded"],
        ["application/json; charset=latin-1"],
        ["application/json", "application/json"],
        ["application/jsonp"],
    ],
    ids=str,
)
def test_refusedContentTypes(values: list[str]) -> None:
    assert refused(lambda: queries.checkContentType(values)) == (415, "content-type")


def test_tokenInPath() -> None:
    token = newToken(bytes(32)).encode()
    for path in ([b"rooms", token], [b"rooms", token, b"messages"]):
        assert refused(lambda path=path: find(path)) == (400, "token-in-url")  # type: ignore[misc]


@pytest.mark.parametrize("encodings", [[], ["identity"], [""]], ids=str)
def test_encodings(encodings: list[str]) -> None:
    queries.checkContentType(["application/json"], encodings)


@pytest.mark.parametrize("encodings", [["gzip"], ["identity", "br"]], ids=str)
def test_refusedEncodings(encodings: list[str]) -> None:
    def check() -> None:
        queries.checkContentType(["application/json"], encodings)

    assert refused(check) == (415, "content-type")


class TestErrors:
    def test_codesExist(self) -> None:
        known = {item.name for item in vars(codes).values() if isinstance(item, ErrorCode)}
        assert set(STATUSES) <= known

    @pytest.mark.parametrize(
        ("error", "status", "headers"),
        [
            (ChatError(codes.NO_ROOM, room="#x"), 404, {}),
            (ChatError(codes.TOKENS_OFTEN, seconds=9), 429, {"Retry-After": "9"}),
            (ChatError(codes.NOT_STORED, reason="x"), 503, {"Retry-After": "5"}),
            (ChatError(codes.SEARCHING), 429, {"Retry-After": "1"}),
            (ChatError(codes.NAME_EMPTY), 400, {}),
        ],
        ids=str,
    )
    def test_statuses(self, error: ChatError, status: int, headers: dict[str, str]) -> None:
        found = fromChat(error)
        assert (found.status, dict(found.headers)) == (status, headers)
        assert found.document == {"error": {"code": error.code.name, "text": str(error)}}

    def test_challenge(self) -> None:
        assert fromChat(ChatError(codes.WRONG_TOKEN, name="x")).headers[0][0] == "WWW-Authenticate"

    def test_waits(self) -> None:
        assert tooFast(0.001).headers == (("Retry-After", "1"),)
        assert tooFast(3.2).headers == (("Retry-After", "4"),)
