"""ISCC codes of images at every level, of figures and panels, and of the files themselves."""

from biocodes_crate.codes.cache import (
    CachedImage,
    CodeCache,
    cache_size,
    clear_cache,
    content_key,
    default_cache,
    remember,
    remember_tree,
)
from biocodes_crate.codes.cluster import Cluster, connect
from biocodes_crate.codes.compare import Comparison, PartComparison, compare
from biocodes_crate.codes.entry import entry_for, file_entry, image_entry
from biocodes_crate.codes.imagewalk import canonical_bytes
from biocodes_crate.codes.model import ImageCodes, PlaneCodes, SceneCodes, TreeCode
from biocodes_crate.codes.packed import packed_payload_code, packed_tree_code
from biocodes_crate.codes.passes import code_image, code_plane, code_scene
from biocodes_crate.codes.pictures import FigureCodes, PictureCodes, code_figure, code_picture, figure_image_code
from biocodes_crate.codes.rendering import Reduced, grey_image_code, plane_image_code, reduce_plane, render
from biocodes_crate.codes.table import PlaneRow, plane_rows, read_plane_table, write_plane_table
from biocodes_crate.codes.treewalk import payload_code, tree_code, walk_tree
from biocodes_crate.codes.units import (
    Likeness,
    Unit,
    UnitComparison,
    compare_codes,
    compose,
    data_code,
    image_code_hamming,
    instance_code,
    is_featureless,
    looks_like_code,
    parse,
)
from biocodes_crate.codes.web import web_entry

__all__ = [
    "CachedImage",
    "Cluster",
    "CodeCache",
    "Comparison",
    "FigureCodes",
    "ImageCodes",
    "Likeness",
    "PartComparison",
    "PictureCodes",
    "PlaneCodes",
    "PlaneRow",
    "Reduced",
    "SceneCodes",
    "TreeCode",
    "Unit",
    "UnitComparison",
    "cache_size",
    "canonical_bytes",
    "clear_cache",
    "code_figure",
    "code_image",
    "code_picture",
    "code_plane",
    "code_scene",
    "compare",
    "compare_codes",
    "compose",
    "connect",
    "content_key",
    "data_code",
    "default_cache",
    "entry_for",
    "figure_image_code",
    "file_entry",
    "grey_image_code",
    "image_code_hamming",
    "image_entry",
    "instance_code",
    "is_featureless",
    "looks_like_code",
    "packed_payload_code",
    "packed_tree_code",
    "parse",
    "payload_code",
    "plane_image_code",
    "plane_rows",
    "read_plane_table",
    "reduce_plane",
    "remember",
    "remember_tree",
    "render",
    "tree_code",
    "walk_tree",
    "web_entry",
    "write_plane_table",
]
