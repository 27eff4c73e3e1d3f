"""TREEWALK: the order, what is left out, and the same codes as iscc-sum."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes_crate.codes import data_code, instance_code, payload_code, tree_code, walk_tree
from biocodes_crate.errors import UnreadableImage


def fill(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def walked(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in walk_tree(root)]


def test_ignore_files_come_first_then_files_then_folders(tmp_path):
    fill(tmp_path, "b/x", "b/.myignore", "a/z", "c", ".dotfile", "ä", "Z", ".zignore", "a.txt")
    assert walked(tmp_path) == [".zignore", ".dotfile", "Z", "a.txt", "c", "ä", "a/z", "b/.myignore", "b/x"]


def test_names_are_ordered_by_their_composed_form(tmp_path):
    decomposed = "e\u0301"  # é, which sorts as U+00E9, after z
    fill(tmp_path, decomposed, "z", "f")
    assert walked(tmp_path) == ["f", "z", decomposed]


def test_symbolic_links_and_sidecars_are_left_out(tmp_path):
    fill(tmp_path, "a", "a.iscc.json", "d/b")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "folder").symlink_to(tmp_path / "d")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert walked(tmp_path) == ["a", "d/b"]


def test_isccignore_leaves_out_what_it_names_and_can_take_back(tmp_path):
    fill(tmp_path, "a.tmp", "keep.tmp", "d/b.tmp", "d/keep.tmp", "d/c", "scratch/x", "e/scratch/y", "z")
    (tmp_path / ".isccignore").write_text("*.tmp\n!keep.tmp\nscratch/\n# a comment\n")
    (tmp_path / "d" / ".isccignore").write_text("!b.tmp\n")
    assert walked(tmp_path) == [".isccignore", "keep.tmp", "z", "d/.isccignore", "d/b.tmp", "d/c", "d/keep.tmp"]


def test_a_folder_has_the_code_of_its_files_one_after_another(tmp_path):
    fill(tmp_path, "b", "a", "c/d")
    assert tree_code(tmp_path).units == (data_code(b"abc/d"), instance_code(b"abc/d"))
    assert tree_code(tmp_path / "a").units == (data_code(b"a"), instance_code(b"a"))
    assert tree_code(tmp_path).filesize == 5


def test_an_empty_folder_has_the_code_of_no_bytes(tmp_path):
    assert tree_code(tmp_path).units == (data_code(b""), instance_code(b""))


@given(
    names=st.lists(
        st.text(st.sampled_from("aZ.é~1ignore _"), min_size=1, max_size=8).filter(lambda n: n.strip(". ") != ""),
        max_size=8,
        unique=True,
    ),
    folders=st.lists(st.sampled_from(["", "d/", "d/e/", "Z/", ".x/"]), min_size=8, max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_the_code_of_all_files_listed_equals_the_code_of_the_folder(tmp_path_factory, names, folders):
    root = tmp_path_factory.mktemp("tree")
    fill(root, *(folder + f"f{name}" for folder, name in zip(folders, names, strict=False)))
    files = [path for path in root.rglob("*") if path.is_file()]
    assert payload_code(root, files) == payload_code(root, files[::-1] + files) == tree_code(root)


def test_a_payload_is_a_choice_of_files_in_the_order_of_the_walk(tmp_path):
    fill(tmp_path, "images/b.tif", "images/.xignore", "a.csv", "left out", "z/1")
    chosen = [tmp_path / name for name in ("z/1", "images/b.tif", "a.csv", "images/.xignore")]
    data = b"a.csvimages/.xignoreimages/b.tifz/1"
    assert payload_code(tmp_path, chosen).units == (data_code(data), instance_code(data))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_error_that_names_it(tmp_path):
    fill(tmp_path, "a")
    (tmp_path / "a").chmod(0)
    with pytest.raises(UnreadableImage, match="a: it cannot be read"):
        tree_code(tmp_path)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(UnreadableImage, match="gone"):
        tree_code(tmp_path / "gone")


def test_a_pipe_among_the_files_is_passed_over(tmp_path):
    fill(tmp_path, "a")
    os.mkfifo(tmp_path / "pipe")
    assert walked(tmp_path) == ["a"]


def test_bytes_read_are_reported(tmp_path):
    fill(tmp_path, "a", "b")
    told = []
    tree_code(tmp_path, told.append)
    assert sum(told) == 2
