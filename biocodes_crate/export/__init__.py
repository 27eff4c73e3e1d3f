"""The same crate in other shapes, for other tools. Start with :func:`export_crate`."""

from biocodes_crate.export.export import Export, ExportFormat, Place, export_crate

__all__ = ["Export", "ExportFormat", "Place", "export_crate"]
