"""Files within a zip give the codes that they give on disk, and nothing is unpacked."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biocodes_crate.codes import code_image, packed_payload_code, packed_tree_code, payload_code, tree_code
from biocodes_crate.errors import UnreadableImage
from biocodes_crate.images import open_image, open_packed_image

names = st.sampled_from(
    ["a", "b.txt", "B", "ü", "u\u0308", ".zarray", ".gitignore", ".isccignore", "c", "x.tmp", "a b", "ab"]
)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
patterns = st.lists(st.sampled_from(["*.tmp", "a/", "!a", "b.txt", "/c", "c/*", "# x", "", "ü"]), max_size=3).map(
    "\n".join
)


def laid_out(files, folder):
    """Files that can be on one disk together, written there and in memory."""
    kept = {}
    for path, content in files.items():
        if not any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in kept):
            kept[path] = content
    for path, content in kept.items():
        (folder / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / path).write_bytes(content)
    return {f"tree/{path}": content for path, content in kept.items()}


@given(st.dictionaries(paths, st.binary(max_size=50), min_size=1, max_size=8), patterns)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_folder_has_the_code_that_it_has_on_disk(tmp_path_factory, files, ignored):
    """IEP-0009 TREEWALK: the order, and what is left out, follow from the names alone."""
    root = tmp_path_factory.mktemp("files")
    files = {path: ignored.encode() if path.endswith(".isccignore") else content for path, content in files.items()}
    packed = laid_out(files, root)
    made = packed_tree_code("tree", packed, lambda name: io.BytesIO(packed[name]))
    assert made == tree_code(root / "tree")
    whole = packed_payload_code(packed, lambda name: io.BytesIO(packed[name]))
    assert whole == payload_code(root, [root / path for path in packed])


def test_a_file_has_the_code_that_it_has_on_disk(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    assert packed_tree_code("a", ["a", "ab"], lambda name: (tmp_path / name).open("rb")) == tree_code(tmp_path / "a")


@pytest.mark.parametrize("error", [OSError("gone"), zipfile.BadZipFile("CRC"), EOFError(), RuntimeError("password")])
def test_what_cannot_be_read_is_an_error_of_ours(error):
    def fail(name):
        raise error

    with pytest.raises(UnreadableImage):
        packed_tree_code("a", ["a"], fail)


def write_zarr(path: Path):
    import numpy as np
    import zarr

    group = zarr.create_group(path, zarr_format=3)
    data = np.random.default_rng(3).integers(0, 4000, (2, 3, 40, 50), dtype=np.uint16)
    group.create_array("0", shape=data.shape, dtype=data.dtype, chunks=(1, 1, 32, 32))[:] = data
    axes = [{"name": "c", "type": "channel"}, *({"name": name, "type": "space"} for name in "zyx")]
    scale = {"type": "scale", "scale": [1, 1, 1, 1]}
    dataset = {"path": "0", "coordinateTransformations": [scale]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [dataset]}]}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_ome_zarr_in_a_zip_has_the_codes_that_it_has_on_disk(tmp_path, compression):
    write_zarr(tmp_path / "a.ome.zarr")
    (tmp_path / "a.ome.zarr.txt").write_text("not part of it")
    packed = tmp_path / "crate.zip"
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for path in sorted(tmp_path.rglob("*")):
            if path.is_file() and path != packed:
                archive.write(path, f"crate/{path.relative_to(tmp_path).as_posix()}")
    with zipfile.ZipFile(packed) as archive:
        members = {info.filename: info for info in archive.infolist()}
        image = open_packed_image(packed, members, "crate/a.ome.zarr")
        on_disk = open_image(tmp_path / "a.ome.zarr")
        codes = code_image(image, tree=lambda: packed_tree_code("crate/a.ome.zarr", members, archive.open))
    assert codes == code_image(on_disk)
    assert [scene.name for scene in image.scenes] == [scene.name for scene in on_disk.scenes]
    assert image.encoding_format == on_disk.encoding_format
