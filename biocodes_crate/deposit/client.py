"""HTTP with an InvenioRDM: bounded, backed-off repetition, and errors that say what happened.

The only home of HTTP towards a server that is written to. Nothing is followed elsewhere: the token
goes to the one server it is meant for.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from biocodes_crate import __version__
from biocodes_crate.deposit.servers import Server, is_loopback
from biocodes_crate.deposit.token import Token
from biocodes_crate.errors import NotAllowed, ServerRefused, ServerUnreachable

ACCEPT = "application/vnd.inveniordm.v1+json, application/json;q=0.5"
# With plain JSON alone, Zenodo answers in its legacy shape; lists of files of records come as plain JSON only.
MAX_ANSWER = 64 << 20  # bytes
MAX_SAID = 600  # characters of a server's words in a message

_TIMEOUT = httpx.Timeout(connect=20, read=300, write=120, pool=20)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried, and how long is waited between, in seconds."""

    attempts: int = 6
    first: float = 1.0
    longest: float = 60.0  # between two attempts of our own accord
    longest_asked: float = 600.0  # what a server may ask for; beyond, it is said and left

    def pause(self, attempt: int) -> float:
        """How long to wait after a failed attempt, counted from 1."""
        spread = 0.75 + random.random() / 2  # noqa: S311 (not for secrets: so that many clients do not come at once)
        return min(self.first * 2.0 ** (attempt - 1), self.longest) * spread


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer."""

    status: int
    body: Any  # parsed JSON; None where there is none


class Uncertain(Exception):
    """Nobody knows whether the request was carried out: the answer was lost, or a fault came in its place."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(ServerRefused):
    """An answer of 4xx."""

    def __init__(
        self, status: int, said: str, fields: tuple[tuple[str, str], ...], *, where: str, remedy: str = ""
    ) -> None:
        details = "; ".join(f"{name}: {text}" if name else text for name, text in fields)
        message = f"the server refuses ({status}: {said.rstrip('. ')}{f' – {details}' if details else ''})"
        super().__init__(message, where=where, remedy=remedy)
        self.status = status
        self.said = said
        self.fields = fields


@dataclass(slots=True)
class Client:
    """Requests to one server. Use as a context manager."""

    server: Server
    token: Token | None
    transport: httpx.BaseTransport | None = None
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], None] = time.sleep
    on_wait: Callable[[str], None] = lambda _: None
    _http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        host = urlsplit(self.server.site).hostname or ""
        self._http = httpx.Client(
            transport=self.transport,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=not is_loopback(host),  # proxies of the environment do not know this machine
            headers={"User-Agent": f"biocodes-crate/{__version__}", "Accept": ACCEPT},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Reply:
        """A GET, tried again as long as it is worth it."""
        return self.repeat(lambda: self.once("GET", path, params=params), path)

    def repeat(self, act: Callable[[], Reply], what: str, happened: Callable[[], Reply | None] | None = None) -> Reply:
        """Carry out a request, again after faults.

        Parameters
        ----------
        act
            Sends the request once; may raise :class:`Uncertain`.
        happened
            Looks whether a request of unknown outcome was carried out, and gives the answer that
            it would have had. Without it, the request is one that can safely be sent twice.

        Raises
        ------
        ServerUnreachable
            It did not work out in the allowed number of attempts.
        """
        for attempt in range(1, self.patience.attempts + 1):
            try:
                return act()
            except Uncertain as error:
                reason = error.reason
            if happened is not None:
                # The server may be at it still: what it says at once is not the last word.
                self.pause(attempt, reason)
                reply = happened()
                if reply is not None:
                    return reply
            elif attempt < self.patience.attempts:
                self.pause(attempt, reason)
        raise ServerUnreachable(
            f"the server could not do it in {self.patience.attempts} attempts ({reason})",
            where=f"{self.server.name}: {what}",
            remedy="Try again later.",
        )

    def once(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: Callable[[], Iterator[bytes]] | None = None,
        size: int | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request; again only where the server surely has not carried it out.

        Raises
        ------
        Uncertain
            The outcome is unknown.
        Refused, NotAllowed
            The server says no.
        """
        for attempt in range(1, self.patience.attempts + 1):
            try:
                status, received, answer = self._send(method, path, body, content, size, params, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                reason = f"no connection: {self._hidden(str(error)) or type(error).__name__}"
            except (httpx.TransportError, httpx.StreamError, httpx.DecodingError) as error:
                raise Uncertain(f"the connection broke: {self._hidden(str(error)) or type(error).__name__}") from None
            else:
                if status == 429 or (status == 503 and "retry-after" in received):
                    reason = "too many requests" if status == 429 else "not available"
                    asked = _retry_after(received)
                    if asked is not None:
                        if asked > self.patience.longest_asked:
                            raise ServerUnreachable(
                                f"the server asks to come back in {asked:.0f} s ({reason})",
                                where=self.server.name,
                                remedy="Run the command again then: it goes on where it stopped.",
                            )
                        if attempt < self.patience.attempts:
                            self._pause_for(asked, reason)
                        continue
                elif status >= 500:
                    raise Uncertain(f"the server answers {status}")
                else:
                    return self._judge(method, path, status, answer)
            if attempt < self.patience.attempts:
                self.pause(attempt, reason)
        raise ServerUnreachable(
            f"the server cannot be reached ({reason})",
            where=self.server.name,
            remedy="Check the address and the network, or try again later.",
        )

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        content: Callable[[], Iterator[bytes]] | None,
        size: int | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> tuple[int, httpx.Headers, bytes]:
        sent = dict(headers or {})
        data: bytes | Iterator[bytes] | None = None
        if content is not None:
            sent |= {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            data = content()
        elif body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body, ensure_ascii=False).encode("utf-8")
        request = self._http.build_request(method, self.server.api + path, content=data, params=params, headers=sent)
        auth = _Bearer(self.token) if self.token is not None else None
        response = self._http.send(request, stream=True, auth=auth)
        try:
            received = b""
            for block in response.iter_bytes():
                received += block
                if len(received) > MAX_ANSWER:
                    raise Uncertain(f"the answer is larger than {MAX_ANSWER >> 20} MiB")
            return response.status_code, response.headers, received
        finally:
            response.close()

    def _judge(self, method: str, path: str, status: int, answer: bytes) -> Reply:
        # A server may say what it was told: the token is hidden before anything of the answer goes anywhere.
        body = _parsed(self._hidden(answer.decode("utf-8", "replace")))
        if 200 <= status < 300:
            if answer.strip() and body is None:
                raise Uncertain("the answer is cut off or no JSON")
            return Reply(status, body)
        where = f"{self.server.name}: {method} {path}"
        said, fields = self._words(body)
        if 300 <= status < 400:
            raise Refused(
                status,
                "it leads elsewhere, which is not followed",
                (),
                where=where,
                remedy="Name the server's own URL.",
            )
        if status in {401, 403}:
            raise NotAllowed(
                f"the server does not allow it ({status}: {said.rstrip('. ')})",
                where=where,
                remedy="Check that the token is this server's, has not expired, and has the scopes deposit:write and "
                "deposit:actions, and that the record is yours.",
            )
        raise Refused(status, said, fields, where=where)

    def _words(self, body: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What a server says is wrong, bounded."""
        if not isinstance(body, dict):
            return "no reason is given", ()
        message = body.get("message")
        said = message[:MAX_SAID] if isinstance(message, str) else "no reason is given"
        return said, tuple(field_errors(body))

    def _hidden(self, text: str) -> str:
        return self.token.hide(text) if self.token is not None else text

    def pause(self, attempt: int, reason: str) -> None:
        """Wait after a failed attempt, counted from 1."""
        self._pause_for(self.patience.pause(attempt), reason)

    def _pause_for(self, seconds: float, reason: str) -> None:
        self.on_wait(f"{reason}; trying again in {seconds:.0f} s")
        self.sleep(seconds)


class _Bearer(httpx.Auth):
    """Puts the token into a request at the last moment, so that no variable of ours holds it in plain."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = self._token.header()
        yield request


def field_errors(body: Any) -> list[tuple[str, str]]:
    """The complaints of an answer, by field, bounded. InvenioRDM gives them with 400, but with 200 and 201 too."""
    listed = body.get("errors") if isinstance(body, dict) else None
    found = []
    for entry in listed[:50] if isinstance(listed, list) else ():
        if isinstance(entry, dict):
            messages = entry.get("messages")
            texts = [text for text in messages if isinstance(text, str)] if isinstance(messages, list) else []
            found.append((str(entry.get("field", ""))[:MAX_SAID], " ".join(texts)[:MAX_SAID]))
    return found


def _parsed(answer: str) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds that a server asks to wait (RFC 9110, section 10.2.3: a number, or a date)."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        pass
    # Zenodo says when its count of requests begins anew, as seconds since 1970.
    reset = headers.get("x-ratelimit-reset", "")
    if reset.isascii() and reset.isdigit() and len(reset) < 12:
        return max(1.0, float(reset) - time.time())
    return None


__all__ = ["Client", "Patience", "Refused", "Reply", "Uncertain", "field_errors"]
