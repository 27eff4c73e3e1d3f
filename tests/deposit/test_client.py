"""Requests that are sent again, as long as it is worth it and never when it could do harm."""

import time
from email.utils import formatdate

import httpx
import pytest

from biocodes_crate.deposit import Client, Patience, Token, find_server
from biocodes_crate.deposit.client import Refused, Uncertain
from biocodes_crate.errors import NotAllowed, ServerUnreachable


class Host:
    """Gives the answers that a test wants, one after the other; the last one again and again."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        request.read()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def client(self, **patience) -> Client:
        return Client(
            find_server("https://data.example.org"),
            Token("secret"),
            httpx.MockTransport(self),
            Patience(**({"attempts": 4} | patience)),
            self.waits.append,
        )


OK = httpx.Response(200, json={"id": "1"})


def test_the_token_goes_into_a_header_and_the_rdm_shape_is_asked_for():
    host = Host(OK)
    with host.client() as client:
        assert client.get("/records/1").body == {"id": "1"}
    (request,) = host.asked
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["accept"].startswith("application/vnd.inveniordm.v1+json")
    assert "secret" not in str(request.url)


WAITS = [
    ({"retry-after": "7"}, 7, 7),
    ({"retry-after": "<a date in 30 s>"}, 20, 31),
    ({"retry-after": "<a date 30 s ago>"}, 0, 0),
    ({"x-ratelimit-reset": "<the time in 40 s>"}, 30, 41),
    ({"retry-after": "soon"}, 0.7, 1.3),  # of our own accord
    ({}, 0.7, 1.3),
]


@pytest.mark.parametrize(
    ("status", "headers", "low", "high"),
    # A 503 without a time may have been carried out.
    [(status, *wait) for status in (429, 503) for wait in WAITS if status == 429 or "retry-after" in wait[0]],
)
def test_a_server_is_waited_for_as_it_asks(status, headers, low, high):
    # Times are those of the test, which may run minutes after it was collected.
    times = {
        "<a date in 30 s>": formatdate(time.time() + 30, usegmt=True),
        "<a date 30 s ago>": formatdate(time.time() - 30, usegmt=True),
        "<the time in 40 s>": str(int(time.time()) + 40),
    }
    headers = {name: times.get(value, value) for name, value in headers.items()}
    host = Host(httpx.Response(status, headers=headers), OK)
    with host.client() as client:
        assert client.once("POST", "/records", body={}).status == 200
    (wait,) = host.waits
    assert low <= wait <= high


def test_waits_grow_and_end():
    host = Host(httpx.Response(429))
    with host.client(attempts=5, first=1.0, longest=3.0) as client, pytest.raises(ServerUnreachable, match="too many"):
        client.once("POST", "/records", body={})
    assert len(host.asked) == 5
    assert len(host.waits) == 4
    assert host.waits[0] < 1.3
    assert max(host.waits) <= 3.75


def test_what_was_surely_not_carried_out_is_sent_again():
    host = Host(httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), OK)
    with host.client() as client:
        assert client.once("POST", "/records", body={}).status == 200
    assert len(host.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), httpx.Response(500), httpx.Response(504),
        httpx.Response(503), httpx.Response(599), httpx.Response(200, content=b'{"id": '),
    ],
)  # fmt: skip
def test_what_may_have_been_carried_out_is_not_sent_again_unasked(answer):
    host = Host(answer)
    with host.client() as client, pytest.raises(Uncertain):
        client.once("POST", "/records", body={})
    assert len(host.asked) == 1


def test_before_a_second_attempt_it_is_looked_whether_the_first_has_happened():
    host = Host(httpx.Response(500))
    looked = []

    def happened():
        looked.append(len(host.asked))
        return client.once("GET", "/records/1") if len(looked) == 2 else None

    with host.client() as client:

        def act():
            if len(looked) == 1:
                host.answers = [httpx.Response(500), OK]
            return client.once("POST", "/records", body={})

        reply = client.repeat(act, "making", happened)
    assert reply.status == 200
    assert [request.method for request in host.asked] == ["POST", "POST", "GET"]


def test_words_of_a_server_are_bounded_and_named_by_field():
    body = {
        "message": "x" * 5000,
        "errors": [{"field": "metadata.title", "messages": ["Too short.", "Really."]}, 3, {}],
    }
    with Host(httpx.Response(400, json=body)).client() as client, pytest.raises(Refused) as failure:
        client.get("/records/1")
    assert len(str(failure.value)) < 1500
    assert failure.value.fields[0] == ("metadata.title", "Too short. Really.")
    for odd in (b"", b"<html>", b"[]", b'{"message": 5, "errors": {}}', b"[" * 50_000):
        with Host(httpx.Response(400, content=odd)).client() as client, pytest.raises(Refused, match="400"):
            client.get("/records/1")


def test_an_answer_without_end_is_not_read(monkeypatch):
    monkeypatch.setattr("biocodes_crate.deposit.client.MAX_ANSWER", 1000)
    with (
        Host(httpx.Response(200, content=b"1" * 5000)).client() as client,
        pytest.raises(ServerUnreachable, match="larger"),
    ):
        client.get("/records/1")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_explained(status):
    with Host(httpx.Response(status, json={"message": "Permission denied."})).client() as client:
        with pytest.raises(NotAllowed, match="Permission denied") as failure:
            client.get("/records/1")
        assert "scopes" in failure.value.remedy
