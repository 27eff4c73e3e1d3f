"""What can stop the work, and what to do about it.

A fault in the *data* that does not stop the work is a :class:`~biocodes_crate.findings.Finding`,
not an exception. Every error says what went wrong, where, and what to do; the command line turns
each class into a message and its exit code.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class BiocodesError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message
        What went wrong, in a sentence without a final full stop.
    where
        The file, folder or entity that it is about: a path, or what is shown of it as text.
    remedy
        What the user can do about it.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, where: object = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where if where is None or isinstance(where, Path) else str(where)
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where is not None else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.message}.{remedy}"


class UnreadableImage(BiocodesError):
    """The file or folder is an image by its name, but its pixels or dimensions cannot be had."""


class NotAnImage(UnreadableImage):
    """No reader takes this file or folder for an image."""


class MissingReader(UnreadableImage):
    """The format is known, but its reader is not installed."""


class UnreadableFigure(BiocodesError):
    """The figure file cannot be opened, or is larger than the limits allow."""


class BadManifest(BiocodesError):
    """`study.yaml` is not YAML, or does not fit its schema."""


class NotAStudy(BiocodesError):
    """The folder does not exist or is not a folder."""


class NotACrate(BiocodesError):
    """There is no readable `ro-crate-metadata.json` where one was expected."""


class BadMetadata(NotACrate):
    """There is an `ro-crate-metadata.json`, but it cannot be read: a fault of the crate, and a finding about it."""


class UnsafePath(BiocodesError):
    """A path from somebody's file points outside of its crate or study."""


class CannotWrite(BiocodesError):
    """The result cannot be written where it was asked for."""


class CannotExport(BiocodesError):
    """A format demands what the crate does not say."""


class BadIndex(BiocodesError):
    """A stored index that is damaged, or of another version."""


class BadCode(BiocodesError):
    """A string is not an ISCC, or two codes cannot be compared."""


class MissingExtra(BiocodesError):
    """What was asked for needs a package that is not installed."""


class BadSettings(BiocodesError):
    """What somebody set is not what it should be: `deposit.yaml`, an option, or the name of a server."""


class DepositFailed(BiocodesError):
    """A deposit cannot go on. What the server holds by then is part of the message."""


class NotAllowed(DepositFailed):
    """There is no token, or the server does not let it do this."""


class ServerRefused(DepositFailed):
    """The server understood, and said no."""


class ServerUnreachable(DepositFailed):
    """The server does not answer, or only with faults of its own, after several attempts."""


class CannotFit(DepositFailed):
    """The crate is larger than what a record may hold."""


class RemoteUnreadable(BiocodesError):
    """Something on the web cannot be read: not there, not allowed, too large, or not what was expected."""


class NoCluster(BiocodesError):
    """The cluster that was named cannot be reached, or cannot do the work."""
