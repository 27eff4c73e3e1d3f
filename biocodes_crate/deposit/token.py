"""The token: from the environment, a keyring or a prompt, never from an argument, and never shown."""

from __future__ import annotations

import getpass
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from biocodes_crate.deposit.servers import Server
from biocodes_crate.errors import NotAllowed

KEYRING_SERVICE = "biocodes-crate"
HIDDEN = "[token]"


class Token:
    """A secret that no `repr`, format or traceback shows. Only :meth:`header` gives it away."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        value = value.strip()
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            # Without the value: whatever it is, it was meant to be secret.
            raise NotAllowed(
                "the token is empty or holds characters that no token has", remedy="Copy it again from the server."
            )
        self.__value = value

    def header(self) -> str:
        """The value of the `Authorization` header."""
        return f"Bearer {self.__value}"

    def hide(self, text: str) -> str:
        """A text without the token, should a server have sent it back."""
        return text.replace(self.__value, HIDDEN)

    def __repr__(self) -> str:
        return f"Token({HIDDEN})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not to be stored")


def find_token(
    server: Server,
    environment: Mapping[str, str] = os.environ,
    ask: Callable[[str], str] | None = None,
) -> Token:
    """The token for a server: its variables, then the keyring, then a prompt on a terminal.

    `ZENODO_TOKEN` is read for Zenodo and, without `ZENODO_SANDBOX_TOKEN`, for its sandbox; it is sent to no other
    server.

    Raises
    ------
    NotAllowed
        There is none.
    """
    for name in server.token_variables:
        if environment.get(name, "").strip():
            return Token(environment[name])
    kept = _from_keyring(server)
    if kept:
        return Token(kept)
    if ask is None and sys.stdin is not None and sys.stdin.isatty():
        ask = getpass.getpass
    if ask is not None:
        return Token(ask(f"Token for {server.name}: "))
    raise NotAllowed(
        f"there is no token for {server.name}",
        remedy=f"Make one at {server.token_page} (scopes deposit:write and deposit:actions), and set "
        f"{server.token_variables[0]}, or keep it with `keyring set {KEYRING_SERVICE} {server.name}`.",
    )


def _from_keyring(server: Server) -> str | None:
    try:
        keyring = importlib.import_module("keyring")
        value = keyring.get_password(KEYRING_SERVICE, server.name)
    except Exception:  # not installed, no backend, locked: any of these means that there is none
        return None
    return value if isinstance(value, str) else None
