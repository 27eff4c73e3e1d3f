"""A Zarr hierarchy on the web, below an address that the user named. Bounded reads by key, safely from threads."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

from biocodes_crate.errors import UnreadableImage
from biocodes_crate.remote import NotThere, Web


class WebStore:
    """Values by key; a key that the server does not know is not there, any other refusal is an error."""

    def __init__(self, web: Web, url: str) -> None:
        self._web = web
        self._url = urlsplit(url)

    def read(self, key: str, *, limit: int) -> bytes | None:
        """The whole value."""
        try:
            return self._web.get(self.where(key), limit).content
        except NotThere:
            return None

    def read_range(self, key: str, start: int, length: int) -> bytes | None:
        """Part of a value."""
        try:
            return self._web.part(self.where(key), start, length)
        except NotThere:
            return None

    def count(self, prefix: str) -> None:
        """Nobody can tell: a web server does not list what it has."""
        del prefix

    def where(self, key: str) -> str:
        """The address of a value. A query of the store's own, such as a signature, goes with every request."""
        path = f"{self._url.path.rstrip('/')}/{quote(key)}"
        if len(path) > 8000:
            raise UnreadableImage("a key is too long for an address", where=path[:200])
        return urlunsplit((self._url.scheme, self._url.netloc, path, self._url.query, ""))
