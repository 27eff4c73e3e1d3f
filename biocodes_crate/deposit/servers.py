"""Where a deposit goes: Zenodo, its sandbox, or any InvenioRDM."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from biocodes_crate.errors import BadSettings

GB = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """What a record may hold, and how large a single zip is made.

    An upload cannot be taken up where it broke off: a zip is what is sent again.
    """

    files: int = 100
    record_bytes: int = 50 * GB
    zip_bytes: int = 10 * GB


@dataclass(frozen=True, slots=True)
class Server:
    """An InvenioRDM server."""

    name: str  # host, with the port where there is one
    site: str  # "https://zenodo.org", without a slash at the end
    publisher: str
    token_variables: tuple[str, ...] = ("INVENIO_TOKEN",)
    limits: Limits = field(default_factory=Limits)

    @property
    def api(self) -> str:
        """Base of the REST API."""
        return f"{self.site}/api"

    @property
    def token_page(self) -> str:
        return f"{self.site}/account/settings/applications/tokens/new/"

    def draft_page(self, draft: str) -> str:
        """Where a person looks at a draft."""
        return f"{self.site}/uploads/{draft}"

    def record_page(self, record: str) -> str:
        return f"{self.site}/records/{record}"

    def file_url(self, record: str, key: str) -> str:
        """Where a file of a published record can be had."""
        return f"{self.api}/records/{record}/files/{quote(key, safe='')}/content"


ZENODO = Server("zenodo.org", "https://zenodo.org", "Zenodo", ("ZENODO_TOKEN",))
SANDBOX = Server("sandbox.zenodo.org", "https://sandbox.zenodo.org", "Zenodo", ("ZENODO_SANDBOX_TOKEN", "ZENODO_TOKEN"))


def find_server(name: str) -> Server:
    """The server that a name or URL stands for.

    Raises
    ------
    BadSettings
        It is no URL of a server, or one to which a token must not be sent.
    """
    known = {"zenodo": ZENODO, "sandbox": SANDBOX}
    if name in known:
        return known[name]
    try:
        url = urlsplit(name)
        host, port = url.hostname, url.port
    except ValueError:
        host, port, url = None, None, urlsplit("")
    if url.scheme not in {"http", "https"} or not host or url.username or url.password or url.query or url.fragment:
        raise BadSettings(
            f"{name!r} is no server",
            remedy="Name `zenodo`, `sandbox`, or a URL such as https://repository.example.org.",
        )
    if url.scheme == "http" and not is_loopback(host):
        raise BadSettings(f"{host} would be sent the token unencrypted", remedy="Name the server's https:// address.")
    for server in known.values():
        if host == server.name:
            return server
    place = f"[{host}]" if ":" in host else host
    netloc = place if port is None else f"{place}:{port}"
    path = url.path.rstrip("/").removesuffix("/api").rstrip("/")
    return Server(netloc, f"{url.scheme}://{netloc}{path}", host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
