"""A crate to deposit, and servers to deposit it in: the fake always, the real one where it is named."""

import contextlib
import json
import os
import secrets
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from drawn_study import write_drawn_study
from fake_invenio import OTHER, TOKEN, Store, fake_invenio

sys.path.append(str(Path(__file__).parent.parent / "crate"))  # for its examples

from biocodes_crate.deposit import Client, Memory, Options, Patience, Records, Token, deposit_crate, find_server
from biocodes_crate.validation import Level

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

STUDY_YAML = """\
title: Zellen & Kerne
description: "Cells <b>not bold</b>."
license: CC-BY-4.0
authors:
  - {name: "Lovelace, Ada", orcid: 0000-0002-1825-0097, affiliation: Analytical Institute}
  - {name: Grace Hopper, ror: 01ggx4157, affiliation: CERN}
keywords: [cells, nuclei]
publication: 10.1234/paper.5
funding: [Grant 12 of the Foundation]
"""


@dataclass
class Place:
    """A server under test."""

    url: str  # ends in /api
    token: str = field(repr=False)
    other_token: str | None = field(repr=False)
    faults_url: str | None
    store: Store | None = None  # of the fake alone
    memory: Path = Path()
    waits: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    made: set[str] = field(default_factory=set)  # drafts, to be discarded on a real server

    @property
    def is_fake(self) -> bool:
        return self.store is not None

    def client(self, token: str | None = None, *, faulty: bool = True, attempts: int = 5) -> Client:
        def sleep(seconds: float) -> None:
            self.waits.append(seconds)
            time.sleep(0 if self.is_fake else min(seconds, 0.3))  # a real one notices a broken line a little later

        return Client(
            find_server(self.faults_url if faulty and self.faults_url else self.url),
            Token(token or self.token),
            patience=Patience(attempts=attempts, first=0.1),
            sleep=sleep,
            on_wait=self.words.append,
        )

    def deposit(self, crate: Path, *, token: str | None = None, attempts: int = 5, **options: Any) -> Any:
        """Deposit a crate as the command does, through the proxy with the faults."""
        confirm = options.pop("confirm", lambda *_: True)
        on_progress = options.pop("on_progress", lambda _: None)
        with self.client(token, attempts=attempts) as client:
            done = deposit_crate(
                crate,
                Records(client),
                Options(level=Level.METADATA, **options),
                memory=Memory(self.memory),
                confirm=confirm,
                on_progress=on_progress,
            )
        self.made.add(done.id)
        return done

    def tidy(self) -> None:
        """Discard what was not published: a test server that lives long shall stay quick."""
        for draft in self.made:
            request = urllib.request.Request(f"{self.url}/records/{draft}/draft", method="DELETE")
            request.add_header("Authorization", f"Bearer {self.token}")
            with contextlib.suppress(OSError), DIRECT.open(request):
                pass

    def inject(self, **fault: Any) -> None:
        """Let the next request that fits go wrong."""
        self._control("POST", fault)

    def requests(self) -> list[dict[str, Any]]:
        """What was asked since the faults were cleared."""
        return list(self._control("GET")["requests"])

    def clear(self) -> None:
        self._control("DELETE")

    def _control(self, method: str, body: Any = None) -> Any:
        assert self.faults_url is not None
        url = self.faults_url.removesuffix("/api") + "/_faults"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method)
        with DIRECT.open(request) as answer:
            return json.load(answer)


REAL = pytest.param("real", marks=pytest.mark.server)


@pytest.fixture(params=["fake", REAL])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A server: the fake, and the real one where the environment names it."""
    if request.param == "fake":
        with fake_invenio() as (url, store):
            yield Place(url, TOKEN, OTHER, url, store, tmp_path / "state")
        return
    place = real_place(tmp_path)
    yield place
    place.tidy()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Place]:
    """The fake alone, for what cannot be set up on a real server."""
    with fake_invenio() as (url, store):
        yield Place(url, TOKEN, OTHER, url, store, tmp_path / "state")


def real_place(tmp_path: Path) -> Place:
    url, token = os.environ.get("INVENIO_RDM_URL"), os.environ.get("INVENIO_RDM_TOKEN")
    if not url or not token:
        pytest.skip("no real server: INVENIO_RDM_URL and INVENIO_RDM_TOKEN are not set")
    place = Place(
        url,
        token,
        os.environ.get("INVENIO_RDM_OTHER_TOKEN"),
        os.environ.get("INVENIO_RDM_FAULTS_URL"),
        memory=tmp_path / "state",
    )
    if place.faults_url:
        place.clear()
    return place


@pytest.fixture(scope="session")
def built_crate(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Path:
    """A drawn study, built. Read only."""
    from biocodes_crate.pipeline import build_study

    root = write_drawn_study(tmp_path_factory.mktemp("deposit") / "study")
    (root / "study.yaml").write_text(STUDY_YAML, encoding="utf-8")
    (root / "images" / "stack.ome.zarr" / ".extra").write_bytes(b"dotfiles of an image are part of it")
    (root / "empty.txt").write_bytes(b"")
    build_study(root)
    return root


@pytest.fixture
def crate(built_crate: Path, tmp_path: Path) -> Path:
    """A crate of its own for each test: with another code, so that it is another crate to the server."""
    root = tmp_path / "study"
    shutil.copytree(built_crate, root)
    path = root / "ro-crate-metadata.json"
    text = path.read_text(encoding="utf-8")
    code = next(e["iscc_code"] for e in json.loads(text)["@graph"] if e["@id"] == "./")
    other = code[:20] + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)) + code[36:]
    path.write_text(text.replace(code, other), encoding="utf-8")
    return root
