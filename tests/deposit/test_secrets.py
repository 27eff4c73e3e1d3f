"""The token is shown nowhere: not in outputs, logs, tracebacks, reprs or files, whatever goes wrong."""

import copy
import io
import json
import logging
import pickle
import sys
import traceback

import pytest
from fake_invenio import TOKEN
from typer.testing import CliRunner

from biocodes_crate.cli.app import app
from biocodes_crate.deposit import Token, Wanted, find_server, find_token
from biocodes_crate.deposit import token as token_module
from biocodes_crate.errors import BadSettings, DepositFailed, NotAllowed

ECHO = {"status": 400, "message": f"Bad request with Authorization: Bearer {TOKEN}"}

FAULTS = [
    {"fault": "error-before", "status": 500, "times": None},
    {"fault": "error-before", "status": 401, "times": None},
    {"fault": "error-before", "status": 302, "headers": {"Location": "https://elsewhere.example.org/"}},
    {"fault": "drop-answer", "times": None},
    {"fault": "cut-answer", "times": None},
    {"fault": "drop-upload", "method": "PUT", "times": None},
    {"fault": "error-before", "method": "PUT", "path": "/content$", "status": 413},
    {"fault": "error-after", "path": "/publish$", "status": 504, "times": None},
    {"fault": "bad-checksum", "times": None},
]


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr("biocodes_crate.deposit.client.Patience.pause", lambda *_: 0.0)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['fault']} {fault.get('status', '')}")
def test_no_fault_shows_the_token(fake, crate, caplog, monkeypatch, fault, no_waiting):
    monkeypatch.setenv("BIOCODES_STATE", str(fake.memory))
    monkeypatch.setenv("INVENIO_TOKEN", TOKEN)
    monkeypatch.setenv("BIOCODES_DEBUG", "1")
    caplog.set_level(logging.DEBUG)
    fake.inject(**fault)
    done = CliRunner().invoke(
        app, ["deposit", str(crate), "--to", fake.url, "--level", "metadata", "--publish", "--yes", "--json"]
    )
    assert done.exit_code in {0, 2}
    assert TOKEN not in done.output
    assert TOKEN not in caplog.text
    for path in fake.memory.rglob("*"):
        assert TOKEN.encode() not in (path.read_bytes() if path.is_file() else b"")
    if done.exception is not None:
        assert TOKEN not in "".join(traceback.format_exception(done.exception))


def test_a_server_that_sends_the_token_back_does_not_make_it_shown(fake, crate, monkeypatch):
    from fake_invenio import Answer, Handler

    def refuse(self, user, body):
        raise Answer(400, ECHO["message"], [{"field": TOKEN, "messages": [f"{TOKEN} is wrong"]}])

    monkeypatch.setattr(Handler, "_create", refuse)
    with pytest.raises(Exception, match="400") as failure:
        fake.deposit(crate)
    assert TOKEN not in str(failure.value) + repr(failure.value) + "".join(traceback.format_exception(failure.value))
    assert "[token]" in str(failure.value)


def test_a_fault_of_the_software_does_not_show_the_token(fake, crate, monkeypatch, capsys):
    monkeypatch.setenv("INVENIO_TOKEN", TOKEN)
    monkeypatch.setenv("BIOCODES_DEBUG", "1")
    monkeypatch.setenv("BIOCODES_STATE", str(fake.memory))

    def fail(*_args, **_options):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("biocodes_crate.deposit.deposit.finalise", fail)
    done = CliRunner().invoke(app, ["deposit", str(crate), "--to", fake.url, "--level", "metadata"])
    assert "oops" in done.output
    assert TOKEN not in done.output


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "error-before", "status": 400, "path": "/draft/files$"},
        {"fault": "drop-answer", "path": "/draft/files$"},
        {"fault": "cut-answer", "path": "/draft/files$"},
        {"fault": "drop-upload", "method": "PUT"},
    ],
    ids=lambda fault: fault["fault"],
)
def test_locals_of_a_traceback_do_not_show_the_token(fake, crate, fault):
    """Some loggers print the variables of every frame."""
    fake.inject(**fault, times=None)
    with pytest.raises(DepositFailed) as failure:
        fake.deposit(crate, attempts=2)
    shown = []
    error: BaseException | None = failure.value
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            if "biocodes_crate" in trace.tb_frame.f_code.co_filename:
                shown += [repr(value) for value in trace.tb_frame.f_locals.values()]
            trace = trace.tb_next
        error = error.__cause__ or error.__context__
    assert shown
    assert not [text for text in shown if TOKEN in text]


def test_a_token_is_not_seen_in_any_form():
    token = Token(f"  {TOKEN}\n")
    assert token.header() == f"Bearer {TOKEN}"
    assert TOKEN not in f"{token} {token!r} {token:>80} {[token]} {vars(type(token))}"
    assert TOKEN not in "%s %r" % (token, token)  # noqa: UP031
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copied(token)
    with pytest.raises(TypeError):
        json.dumps(token)
    assert token.hide(f"x{TOKEN}y") == "x[token]y"


@pytest.mark.parametrize("value", ["", "  ", "two words", "line\nbreak", "tökén", "a\x00b", "a\tb"])
def test_what_is_no_token_is_refused_without_being_shown(value):
    with pytest.raises(NotAllowed) as failure:
        Token(value)
    assert not value.strip() or value not in str(failure.value)


def test_no_command_takes_a_token_as_an_argument():
    shown = CliRunner().invoke(app, ["deposit", "--help"]).output
    assert "--token" not in shown
    assert "ZENODO_TOKEN" in shown


def test_tokens_come_from_the_variable_of_the_server(monkeypatch):
    monkeypatch.setattr(token_module, "_from_keyring", lambda _server: None)
    variables = {"ZENODO_TOKEN": "zenodo", "INVENIO_TOKEN": "other"}
    assert find_token(find_server("zenodo"), variables).header() == "Bearer zenodo"
    assert find_token(find_server("sandbox"), variables).header() == "Bearer zenodo"
    assert find_token(find_server("sandbox"), variables | {"ZENODO_SANDBOX_TOKEN": "play"}).header() == "Bearer play"
    assert find_token(find_server("https://data.example.org"), variables).header() == "Bearer other"
    # Zenodo's token is for Zenodo alone.
    with pytest.raises(NotAllowed, match="no token"):
        find_token(find_server("https://data.example.org"), {"ZENODO_TOKEN": "zenodo"})
    with pytest.raises(NotAllowed, match="no token"):
        find_token(find_server("zenodo"), {"INVENIO_TOKEN": "other"})


def test_tokens_come_from_a_keyring_or_a_prompt(monkeypatch):
    class Ring:
        @staticmethod
        def get_password(service, name):
            return {("biocodes-crate", "zenodo.org"): "kept"}.get((service, name))

    monkeypatch.setitem(sys.modules, "keyring", Ring)
    assert find_token(find_server("zenodo"), {}).header() == "Bearer kept"
    asked = []

    def ask(question: str) -> str:
        asked.append(question)
        return "typed"

    assert find_token(find_server("https://data.example.org"), {}, ask).header() == "Bearer typed"
    assert "data.example.org" in asked[0]

    class Broken:
        @staticmethod
        def get_password(service, name):
            raise RuntimeError("no backend")

    monkeypatch.setitem(sys.modules, "keyring", Broken)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(NotAllowed) as failure:
        find_token(find_server("zenodo"), {})
    assert "ZENODO_TOKEN" in failure.value.remedy
    assert "keyring" in failure.value.remedy


@pytest.mark.parametrize(
    "name",
    [
        "http://data.example.org", "ftp://data.example.org", "data.example.org", "", "https://", "https://user:secret@x.org",
        "https://x.org/?a=1", "https://x.org/#a", "http://[::1", "zenodo.org", "http://127.0.0.1.example.org",
    ],
)  # fmt: skip
def test_what_is_no_server_gets_no_token(name):
    with pytest.raises(BadSettings):
        find_server(name)


def test_servers_are_known_by_many_names():
    assert find_server("https://zenodo.org/") is find_server("zenodo")
    assert find_server("https://sandbox.zenodo.org/api") is find_server("sandbox")
    assert find_server("https://data.example.org:8443/sub/api/").api == "https://data.example.org:8443/sub/api"
    assert find_server("http://[::1]:5000/api").site == "http://[::1]:5000"
    assert find_server("http://localhost:5000").record_page("1") == "http://localhost:5000/records/1"


def test_a_redirect_does_not_carry_the_token_elsewhere(fake, crate):
    """Not even to a place on the same machine."""
    fake.inject(fault="error-before", status=307, headers={"Location": f"{fake.url}/records"}, path="/api/records$")
    with pytest.raises(Exception, match="307") as failure:
        fake.deposit(crate)
    assert "not followed" in str(failure.value)
    assert fake.store.items == {}
    assert fake.deposit(crate, wanted=Wanted(new_draft=True))
