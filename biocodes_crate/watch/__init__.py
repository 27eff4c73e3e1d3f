"""Code images as an instrument writes them, into `NAME.iscc.json` sidecars."""

from biocodes_crate.watch.acquisitions import Acquisition, Found, find_acquisitions
from biocodes_crate.watch.sidecar import Sidecar, codes_of, read_sidecar, sidecar_path
from biocodes_crate.watch.watch import Event, Happened, Rhythm, watch_folder

__all__ = [
    "Acquisition",
    "Event",
    "Found",
    "Happened",
    "Rhythm",
    "Sidecar",
    "codes_of",
    "find_acquisitions",
    "read_sidecar",
    "sidecar_path",
    "watch_folder",
]
