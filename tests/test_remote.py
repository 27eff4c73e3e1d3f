"""Reading on the web: bounded, by ranges, and only where the user said."""

import io
import random
import zipfile

import httpx
import pytest

from biocodes_crate import remote
from biocodes_crate.errors import RemoteUnreadable
from biocodes_crate.remote import BLOCK, RemoteFile, Web, is_private, is_url, web_address

URL = "https://data.example.org/records/1/files/a.zip"


class Host:
    """A server of one file, with the manners that a test wants."""

    def __init__(self, content: bytes, *, ranges: bool = True, length: bool = True) -> None:
        self.content, self.ranges, self.length = content, ranges, length
        self.asked: list[str] = []
        self.answers: list[httpx.Response | Exception] = []  # to be given first
        self.tag = '"one"'
        self.cut_after: int | None = None
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.headers.get("range", ""))
        assert "authorization" not in request.headers
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        wanted = request.headers.get("range")
        headers = {"etag": self.tag}
        if wanted and self.ranges:
            first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
            if first >= len(self.content):
                return httpx.Response(416)
            part = self.content[first : last + 1]
            headers["content-range"] = f"bytes {first}-{first + len(part) - 1}/{len(self.content)}"
            return httpx.Response(206, stream=Body(part, self), headers=headers)
        if self.length:
            headers["content-length"] = str(len(self.content))
        return httpx.Response(200, stream=Body(self.content, self), headers=headers)

    def web(self) -> Web:
        return Web(httpx.MockTransport(self), sleep=self.waits.append)


class Body(httpx.SyncByteStream):
    """A body that may break off."""

    def __init__(self, content: bytes, host: Host) -> None:
        self.content, self.host = content, host

    def __iter__(self):
        for start in range(0, len(self.content), 60_000):
            if self.host.cut_after is not None and start >= self.host.cut_after:
                self.host.cut_after = None
                raise httpx.ReadError("reset by peer")
            yield self.content[start : start + 60_000]


CONTENT = random.Random(1).randbytes(5 * BLOCK + 12_345)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_remote_file_reads_as_the_file_itself(ranges):
    host = Host(CONTENT, ranges=ranges)
    chance = random.Random(2)
    with host.web() as web, web.open(URL) as file:
        same = io.BytesIO(CONTENT)
        assert file.size == len(CONTENT)
        for _ in range(150):
            if chance.random() < 0.5:
                place = chance.randrange(len(CONTENT) + 1000)
                assert file.seek(place) == same.seek(place)
            count = chance.choice([0, 1, 100, BLOCK, 3 * BLOCK])
            assert file.read(count) == same.read(count)
            assert file.tell() == min(same.tell(), file.tell())
        file.seek(-5, io.SEEK_END)
        assert file.read() == CONTENT[-5:]
        assert file.read(3) == b""
        buffer = bytearray(10)
        file.seek(0)
        assert file.readinto(buffer) == 10
        assert buffer == CONTENT[:10]
        with pytest.raises(OSError, match="before"):
            file.seek(-1)


def test_only_what_is_read_is_fetched_and_in_few_requests():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}.bin", random.Random(number).randbytes(200_000))
    host = Host(packed.getvalue())
    with host.web() as web, web.open(URL) as file, zipfile.ZipFile(file) as archive:
        assert archive.read("50.bin") == random.Random(50).randbytes(200_000)
        assert file.fetched < 6 * BLOCK
        assert len(host.asked) <= 8
        before = len(host.asked)
        for number in range(51, 99):  # one after the other: one stream
            archive.read(f"{number}.bin")
        assert len(host.asked) - before <= 3


def test_a_line_that_breaks_is_taken_up_where_it_broke():
    host = Host(CONTENT)
    with host.web() as web, web.open(URL) as file:
        file.read(10)
        host.cut_after = 100_000
        assert file.read() == CONTENT[10:]
        assert len(host.waits) == 1
    host = Host(CONTENT)
    host.answers = [
        httpx.ConnectError("no route"),
        httpx.Response(503),
        httpx.Response(429, headers={"retry-after": "9"}),
    ]
    with host.web() as web, web.open(URL) as file:
        assert file.read() == CONTENT
    assert 9.0 in host.waits


def test_a_server_that_stays_away_is_given_up_at_once_the_second_time():
    host = Host(CONTENT)
    with host.web() as web, web.open(URL) as file:
        host.answers = [httpx.Response(500)] * 200
        file.seek(3 * BLOCK)
        with pytest.raises(RemoteUnreadable, match="500"):
            file.read(1)
        asked = len(host.asked)
        with pytest.raises(RemoteUnreadable):
            file.read(1)
        assert len(host.asked) == asked
        assert file.failure is not None


@pytest.mark.parametrize(
    ("status", "words"), [(404, "no such thing"), (403, "not public"), (410, "removed"), (400, "refuses")]
)
def test_a_refusal_is_said_at_once(status, words):
    host = Host(CONTENT)
    host.answers = [httpx.Response(status)]
    with host.web() as web, pytest.raises(RemoteUnreadable, match=words):
        web.open(URL)
    assert host.waits == []


def test_a_wait_that_is_too_long_is_not_waited():
    host = Host(CONTENT)
    host.answers = [httpx.Response(429, headers={"retry-after": "9000"})]
    with host.web() as web, pytest.raises(RemoteUnreadable, match="9000 s"):
        web.get(URL, 100)
    assert host.waits == []


def test_a_file_that_changes_meanwhile_is_noticed():
    host = Host(CONTENT)
    with host.web() as web, web.open(URL) as file:
        file.read(10)
        host.tag = '"two"'
        file.seek(4 * BLOCK)
        with pytest.raises(RemoteUnreadable, match="changed"):
            file.read(10)
    host = Host(CONTENT)
    with host.web() as web, web.open(URL, size=17) as file, pytest.raises(RemoteUnreadable, match="stated"):
        file.read()


def test_another_part_than_was_asked_for_is_refused():
    host = Host(CONTENT)
    wrong = httpx.Response(206, content=b"x" * 10, headers={"content-range": "bytes 5-14/1000"})
    host.answers = [wrong]
    with host.web() as web, pytest.raises(RemoteUnreadable, match="another part"):
        web.open(URL)


def test_what_is_larger_than_the_limit_is_not_fetched(monkeypatch):
    with Host(CONTENT).web() as web, pytest.raises(RemoteUnreadable, match="larger"):
        web.get(URL, 1000)
    with Host(CONTENT[:1000]).web() as web:
        assert web.get(URL, 1000).content == CONTENT[:1000]
    monkeypatch.setattr(remote, "MAX_SPOOLED", 1000)
    with Host(CONTENT, ranges=False).web() as web, pytest.raises(RemoteUnreadable, match="gives no parts"):
        web.open(URL)
    # A body without end, of a server that does not say how long it is.
    with Host(CONTENT, ranges=False, length=False).web() as web, pytest.raises(RemoteUnreadable, match="no parts"):
        web.open(URL)


def test_a_file_that_is_fetched_whole_tells_how_far_it_is():
    seen = []
    host = Host(CONTENT, ranges=False)
    with host.web() as web:
        web.on_fetch = lambda url, done, total: seen.append((done, total))
        with web.open(URL) as file:
            assert file.read() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://data.example.org/a.zip",  # not encrypted any more
        "file:///etc/passwd",
        "ftp://data.example.org/a.zip",
        "https://127.0.0.1/a.zip",
        "https://localhost/a.zip",
        "https://10.0.0.1/a.zip",
        "https://[::1]/a.zip",
        "https://169.254.169.254/latest/meta-data",
        "//user@127.0.0.1/a.zip",
    ],
)
def test_a_redirect_to_where_nobody_pointed_is_not_followed(target):
    host = Host(CONTENT)
    host.answers = [httpx.Response(302, headers={"location": target})]
    with host.web() as web, pytest.raises(RemoteUnreadable, match="not followed"):
        web.get(URL, 100)
    assert len(host.asked) == 1


def test_redirects_are_followed_a_few_times():
    host = Host(b"content")
    host.answers = [httpx.Response(302, headers={"location": "/elsewhere"})] * 3
    with host.web() as web:
        page = web.get(URL, 100)
        assert page.content == b"content"
        assert page.url == "https://data.example.org/elsewhere"
    host.answers = [httpx.Response(302, headers={"location": "/round"})] * 50
    with host.web() as web, pytest.raises(RemoteUnreadable, match="without end"):
        web.get(URL, 100)


@pytest.mark.parametrize("address", ["https://", "http://[::1", "https://exa\x00mple.org/", "https://" + "a" * 70_000])
def test_what_is_no_address_is_said(address):
    with Host(b"").web() as web, pytest.raises(RemoteUnreadable):
        web.get(address, 100)


def test_what_is_taken_for_an_address(tmp_path, monkeypatch):
    assert is_url("https://zenodo.org/records/1")
    assert not is_url("records/1")
    assert web_address("10.5281/zenodo.1") == "https://doi.org/10.5281/zenodo.1"
    assert web_address("doi:10.5281/zenodo.1") == "https://doi.org/10.5281/zenodo.1"
    assert web_address("study") is None
    assert web_address("10.5281") is None
    monkeypatch.chdir(tmp_path)
    (tmp_path / "10.5281").mkdir()
    (tmp_path / "10.5281" / "zenodo.1").mkdir()
    assert web_address("10.5281/zenodo.1") is None  # a folder that is there comes first


def test_private_hosts_are_known():
    assert all(map(is_private, ("localhost", "127.0.0.1", "::1", "192.168.1.1", "printer.local")))
    assert not any(map(is_private, ("zenodo.org", "8.8.8.8")))


def test_json_that_is_none_is_said():
    with Host(b"<html>").web() as web, pytest.raises(RemoteUnreadable, match="not JSON"):
        web.get(URL, 100).json()


def test_a_closed_file_is_closed():
    with Host(CONTENT).web() as web:
        file = RemoteFile(web, URL)
        file.close()
        assert file.closed
