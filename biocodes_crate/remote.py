"""Reading over HTTP(S), of what the user names and nothing else: bounded in time and size, by byte ranges.

No token is ever sent. A redirect is followed a few times, never from https to anything else, and never
from the network to this machine.
"""

from __future__ import annotations

import io
import ipaddress
import json
import re
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from biocodes_crate import __version__
from biocodes_crate.errors import RemoteUnreadable

if TYPE_CHECKING:
    import httpx

BLOCK = 1 << 18  # bytes that are fetched at once where something is looked up
MAX_BLOCKS = 64  # that are kept
MAX_SKIPPED = 16 * BLOCK  # that a stream reads over rather than being begun anew
MAX_SPOOLED = 8 << 30  # bytes of a file that is fetched whole, from a server that gives no parts
MAX_UNASKED = 64 << 20  # bytes of a file of which only a part was asked for
MAX_REDIRECTS = 5
ATTEMPTS = 5
LONGEST_WAIT = 120.0  # seconds that a server may ask for


def is_url(text: str) -> bool:
    """Whether a text is an address on the web."""
    return text.lower().startswith(("http://", "https://"))


def web_address(text: str) -> str | None:
    """The URL that a text is, or the DOI's if it is a DOI; None for anything else, and for files that are there."""
    text = text.strip()
    if is_url(text):
        return text
    doi = text[4:] if text.lower().startswith("doi:") else text
    if re.fullmatch(r"10\.[0-9]{4,9}/\S{1,300}", doi) and not Path(text).exists():
        return f"https://doi.org/{doi}"
    return None


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of moderate size."""

    url: str  # after redirects
    content: bytes

    def json(self) -> Any:
        """What it says, if it is JSON.

        Raises
        ------
        RemoteUnreadable
            It is not.
        """
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise RemoteUnreadable("the answer is not JSON", where=self.url, remedy="Check the address.") from error


class Web:
    """Requests, all of them GET. Use as a context manager."""

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        on_fetch: Callable[[str, int, int], None] = lambda _url, _done, _total: None,
    ) -> None:
        self._transport = transport
        self._clients: dict[bool, httpx.Client] = {}
        self.sleep = sleep
        self.on_fetch = on_fetch  # of a file that is fetched whole: address, bytes done, bytes in total

    def get(self, url: str, limit: int, accept: str = "*/*") -> Page:
        """What is at an address, up to a limit in bytes.

        Raises
        ------
        RemoteUnreadable
            It cannot be had, or is larger.
        """
        reasons: list[str] = []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.stream(url, {"Accept": accept}) as answer:
                    content = answer.read(limit + 1)
                    if len(content) > limit:
                        raise RemoteUnreadable(
                            f"it is larger than {limit >> 20} MiB", where=url, remedy="Fetch it yourself."
                        )
                    return Page(answer.url, content)
            except _Broken as error:
                reasons.append(str(error))
                if attempt < ATTEMPTS:
                    self.sleep(2.0 ** (attempt - 1))
        raise _unreachable(url, reasons[-1])

    def part(self, url: str, start: int, length: int) -> bytes:
        """Part of what is at an address; a negative start counts from its end. Fewer bytes only where it ends.

        Raises
        ------
        NotThere
            The server knows no such address.
        RemoteUnreadable
            It cannot be had, or only as a whole that is much larger.
        """
        span = f"bytes={start}" if start < 0 else f"bytes={start}-{start + length - 1}"
        reasons: list[str] = []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.stream(url, {"Range": span}) as answer:
                    if answer.status == 206:
                        return answer.read(length)
                    content = answer.read(MAX_UNASKED + 1)  # the server ignores ranges
                    if len(content) > MAX_UNASKED:
                        raise RemoteUnreadable(
                            "the server gives no parts of it", where=url, remedy="Fetch it yourself, and name the file."
                        )
                    return content[start:][:length]
            except _Broken as error:
                reasons.append(str(error))
                if attempt < ATTEMPTS:
                    self.sleep(2.0 ** (attempt - 1))
        raise _unreachable(url, reasons[-1])

    def stream(self, url: str, headers: Mapping[str, str]) -> Answer:
        """An answer whose body is read as it comes; repeated until it begins.

        Raises
        ------
        RemoteUnreadable
            It does not begin, or is refused.
        """
        reason = ""
        for attempt in range(1, ATTEMPTS + 1):
            wait = 2.0 ** (attempt - 1)
            try:
                answer = self._follow(url, headers)
            except _Broken as error:
                reason = str(error)
            else:
                if answer.status in {200, 206}:
                    return answer
                answer.close()
                if answer.status != 429 and answer.status < 500:
                    raise _refused(url, answer.status)
                reason = f"the server answers {answer.status}"
                asked = answer.headers.get("retry-after", "")
                if asked.isascii() and asked.isdigit():
                    if float(asked) > LONGEST_WAIT:
                        reason += f", and asks to come back in {asked} s"
                        break
                    wait = float(asked)
            if attempt < ATTEMPTS:
                self.sleep(wait)
        raise _unreachable(url, reason)

    def final_url(self, url: str) -> str:
        """Where an address leads to in the end."""
        with self.stream(url, {"Accept": "*/*"}) as answer:
            return answer.url

    def open(self, url: str, size: int | None = None) -> RemoteFile:
        """A file, for reading at any place. `size` is what it must have, if that is known."""
        return RemoteFile(self, url, size)

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _follow(self, url: str, headers: Mapping[str, str]) -> Answer:
        first = url
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._send(url, headers)
            if answer.status not in {301, 302, 303, 307, 308}:
                return answer
            answer.close()
            target = urljoin(url, answer.headers.get("location", ""))
            before, after = urlsplit(url), urlsplit(target)
            if (
                after.scheme not in {"http", "https"}
                or (before.scheme == "https" and after.scheme != "https")
                or (is_private(after.hostname or "") and not is_private(before.hostname or ""))
            ):
                raise RemoteUnreadable(
                    f"it leads to {target[:200]}, which is not followed",
                    where=first,
                    remedy="Name that address yourself.",
                )
            url = target
        raise RemoteUnreadable("it leads from one address to the next without end", where=first)

    def _send(self, url: str, headers: Mapping[str, str]) -> Answer:
        import httpx  # noqa: PLC0415 (heavy: only where the web is read)

        try:
            host = urlsplit(url).hostname or ""
            client = self._client(use_proxies=not is_private(host))
            sent = {"Accept-Encoding": "identity", **headers}
            response = client.send(client.build_request("GET", url, headers=sent), stream=True)
        except (httpx.TransportError, httpx.StreamError) as error:
            raise _Broken(str(error) or type(error).__name__) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError, UnicodeError) as error:
            raise RemoteUnreadable(f"it is no address ({error})", where=url[:500], remedy="Check it.") from None
        return Answer(response)

    def _client(self, *, use_proxies: bool) -> httpx.Client:
        import httpx  # noqa: PLC0415

        if use_proxies not in self._clients:
            self._clients[use_proxies] = httpx.Client(
                transport=self._transport,
                timeout=httpx.Timeout(connect=20, read=60, write=20, pool=20),
                follow_redirects=False,
                trust_env=use_proxies,
                headers={"User-Agent": f"biocodes-crate/{__version__}"},
            )
        return self._clients[use_proxies]


class Answer:
    """An answer whose body is read as it comes."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._blocks: Iterator[bytes] | None = None
        self._left = b""
        self.status = response.status_code
        self.headers = response.headers
        self.url = str(response.url)

    def read(self, size: int) -> bytes:
        """The next bytes; fewer only at the end."""
        import httpx  # noqa: PLC0415

        if self._blocks is None:
            self._blocks = self._response.iter_raw()
        parts, got = [self._left], len(self._left)
        try:
            while got < size:
                block = next(self._blocks, None)
                if block is None:
                    break
                parts.append(block)
                got += len(block)
        except (httpx.TransportError, httpx.StreamError) as error:
            raise _Broken(str(error) or type(error).__name__) from None
        content = b"".join(parts)
        self._left = content[size:]
        return content[:size]

    def close(self) -> None:
        """Leave the rest."""
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RemoteFile(io.RawIOBase):
    """A file on the web, for reading at any place.

    What is looked up here and there comes in blocks, which are kept; what is read on and on comes as one
    stream, since servers count requests. From a server that gives no parts the file is fetched once,
    whole, into a temporary file.
    """

    def __init__(self, web: Web, url: str, size: int | None = None) -> None:
        super().__init__()
        self.url = url
        self.fetched = 0  # bytes that came over the line
        self._web = web
        self._size = size
        self._tag: str | None = None
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._stream: Answer | None = None
        self._stream_at = 0
        self._last = -2  # block
        self._whole: IO[bytes] | None = None
        self.failure: RemoteUnreadable | None = None  # what ended reading for good
        if size is None:
            self._block(0)  # tells the size

    @property
    def size(self) -> int:
        """Bytes of the file."""
        if self._size is None:
            raise RemoteUnreadable("the server does not say how large it is", where=self.url)
        return self._size

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where reading goes on."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on reading elsewhere."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError("before the beginning of the file")
        self._position = start + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Bytes from here on."""
        left = max(0, self.size - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        parts = []
        while wanted > 0:
            number, start = divmod(self._position, BLOCK)
            part = self._block(number)[start : start + wanted]
            if not part:
                raise self._failed("it ends too early")
            parts.append(part)
            self._position += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: Any, /) -> int:
        """Bytes from here on, into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the connection and of what was kept."""
        self._end_stream()
        self._blocks.clear()
        if self._whole is not None:
            self._whole.close()
            self._whole = None
        super().close()

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        if self.failure is not None:  # not a thousand times over
            raise self.failure
        if self._whole is None:
            try:
                block = self._fetched(number)
            except RemoteUnreadable as error:
                self.failure = error
                raise
        if self._whole is not None:
            self._whole.seek(number * BLOCK)
            return self._whole.read(BLOCK)
        self._last = number
        self._blocks[number] = block
        if len(self._blocks) > MAX_BLOCKS:
            self._blocks.popitem(last=False)
        return block

    def _fetched(self, number: int) -> bytes:
        reason = ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._from_stream(number) if self._goes_on(number) else self._from_range(number)
            except _Broken as error:
                self._end_stream()
                reason = str(error)
                if attempt < ATTEMPTS:
                    self._web.sleep(2.0 ** (attempt - 1))
        raise _unreachable(self.url, reason)

    def _goes_on(self, number: int) -> bool:
        """Whether this block is read because reading goes on from the last one, or soon after it."""
        if self._stream is not None and 0 <= number * BLOCK - self._stream_at <= MAX_SKIPPED:
            return True
        return number == self._last + 1

    def _from_range(self, number: int) -> bytes:
        first = number * BLOCK
        last = first + BLOCK - 1 if self._size is None else min(first + BLOCK, self._size) - 1
        with self._web.stream(self.url, {"Range": f"bytes={first}-{last}"}) as answer:
            if not self._is_part(answer, first):
                self._fetch_whole(answer)
                return b""
            return self._counted(answer, min(BLOCK, self.size - first))

    def _from_stream(self, number: int) -> bytes:
        first = number * BLOCK
        if self._stream is None or not 0 <= first - self._stream_at <= MAX_SKIPPED:
            self._end_stream()
            answer = self._web.stream(self.url, {"Range": f"bytes={first}-{self.size - 1}"})
            if not self._is_part(answer, first):
                with answer:
                    self._fetch_whole(answer)
                return b""
            self._stream, self._stream_at = answer, first
        while self._stream_at < first:
            self._stream_at += len(self._counted(self._stream, min(BLOCK, first - self._stream_at)))
        block = self._counted(self._stream, min(BLOCK, self.size - first))
        self._stream_at += len(block)
        return block

    def _counted(self, answer: Answer, size: int) -> bytes:
        content = answer.read(size)
        self.fetched += len(content)
        if len(content) < size:
            raise _Broken("the connection ended too early")
        return content

    def _is_part(self, answer: Answer, first: int) -> bool:
        """Whether an answer is the part that was asked for (RFC 9110, section 14.4)."""
        if answer.status != 206:
            return False
        unit, _, place = answer.headers.get("content-range", "").partition(" ")
        span, _, total = place.partition("/")
        if unit != "bytes" or not total.isdigit() or span.partition("-")[0] != str(first):
            raise self._failed("the server gives another part than was asked for")
        self._check(int(total), answer)
        return True

    def _check(self, total: int, answer: Answer) -> None:
        tag = answer.headers.get("etag")
        if (self._size is not None and total != self._size) or (self._tag is not None and tag != self._tag):
            raise self._failed("it changed while it was read, or is not of the size that was stated")
        self._size, self._tag = total, tag

    def _fetch_whole(self, answer: Answer) -> None:
        """The server ignores ranges: what it sends is the file."""
        stated = answer.headers.get("content-length", "")
        total = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 16 else self._size
        if total is None or total > MAX_SPOOLED:
            raise self._failed(
                f"the server gives no parts of it, and it is larger than the {MAX_SPOOLED >> 30} GiB that are fetched, "
                "or of unknown size"
            )
        self._check(total, answer)
        whole = tempfile.TemporaryFile(prefix="biocodes-")  # noqa: SIM115 (kept; closed with this file)
        try:
            done = 0
            while done < total:
                block = self._counted(answer, min(BLOCK, total - done))
                whole.write(block)
                done += len(block)
                self._web.on_fetch(self.url, done, total)
        except BaseException:
            whole.close()
            raise
        self._whole = whole

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _failed(self, message: str) -> RemoteUnreadable:
        return RemoteUnreadable(message, where=self.url, remedy="Fetch it yourself, and name the file.")


class NotThere(RemoteUnreadable):
    """The server knows no such address."""


class _Broken(Exception):
    """The line broke: worth another attempt."""


def is_private(host: str) -> bool:
    """Whether a host is this machine or one of a private network, by its name."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not address.is_global


def _unreachable(url: str, reason: str) -> RemoteUnreadable:
    return RemoteUnreadable(
        f"it cannot be read ({reason})", where=url, remedy="Check the address and the network, or try again later."
    )


def _refused(url: str, status: int) -> RemoteUnreadable:
    words = {
        401: "it is not public",
        403: "it is not public",
        404: "there is no such thing",
        410: "it was removed",
        412: "it changed while it was read",
        416: "it is shorter than was stated",
    }.get(status, "the server refuses")
    kind = NotThere if status in {404, 410} else RemoteUnreadable
    return kind(f"{words} ({status})", where=url, remedy="Check the address; drafts cannot be read.")
