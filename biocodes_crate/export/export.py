"""Which writer makes which format."""

from __future__ import annotations

from biocodes_crate.crate import CrateReader
from biocodes_crate.export.model import Export, ExportFormat, Place

__all__ = ["Export", "ExportFormat", "Place", "export_crate"]

_NOWHERE = Place()


def export_crate(crate: CrateReader, form: ExportFormat, place: Place = _NOWHERE) -> Export:
    """A crate in another format. The same crate gives the same text.

    Parameters
    ----------
    crate
        An open crate; one of a metadata file alone will do.
    form
        The format.
    place
        Where the crate is published. Turtle, N-Quads and PROV resolve its ids there; GIDE demands it.

    Raises
    ------
    NotACrate
        The metadata cannot be read as what the format needs, such as JSON-LD.
    CannotExport
        The format demands what the crate does not say.
    """
    # Each writer brings heavy libraries of its own.
    match form:
        case ExportFormat.TURTLE | ExportFormat.NQUADS:
            from biocodes_crate.export.rdf import export_rdf  # noqa: PLC0415

            return export_rdf(crate.metadata, form, place)
        case ExportFormat.ISCC:
            from biocodes_crate.export.iscc import export_iscc  # noqa: PLC0415

            return export_iscc(crate)
        case ExportFormat.PROV_N | ExportFormat.PROV_JSON:
            from biocodes_crate.export.prov import export_prov  # noqa: PLC0415

            return export_prov(crate.metadata, form, place)
        case ExportFormat.GIDE:
            from biocodes_crate.export.gide import export_gide  # noqa: PLC0415

            return export_gide(crate, place)
