"""Tables, styles and paces: what is shown, without a terminal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes_crate.cli import console
from biocodes_crate.cli.progressing import _Bars, _duration, _pace, _rate
from biocodes_crate.cli.styles import Style, cells, encodable, painted, plain, styled
from biocodes_crate.cli.tables import middle, table, wrapped
from biocodes_crate.progress import Progress

words = st.text(st.characters(categories=("L", "N", "P", "S")), max_size=60)
paths = st.text("abcdefgh/._-ÄÖü漢字", min_size=1, max_size=90)


@settings(max_examples=200, deadline=None)
@given(paths, st.integers(3, 80))
def test_a_path_that_is_cut_fits_and_keeps_both_ends(path, width):
    cut = middle(path, width)
    assert cells(cut) <= width
    if cut != path:
        head, _, tail = cut.partition("…")
        assert path.startswith(head)
        assert path.endswith(tail)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(paths, st.sampled_from(["A", "", "(12, 400)"])), min_size=1, max_size=6), st.integers(40, 200)
)
def test_a_table_is_never_wider_than_it_may_be(rows, width):
    groups = [("figures/f.png", [(name, "✗ contradicted", path, "max of z3–7 c0 t0", "0.99") for path, name in rows])]
    lines = table(("Panel", "Status", "Source", "Plane", "Match"), groups, width, elastic=2)
    assert max(map(cells, lines)) <= width
    assert sum("✗ contradicted" in line for line in lines) == len(rows)


@settings(max_examples=100, deadline=None)
@given(words, st.sampled_from(Style))
def test_styles_leave_no_trace_where_there_is_no_colour(text, style):
    assert plain(styled(text, style)) == plain(text)
    assert cells(styled(text, style)) == cells(text)
    assert painted(styled("x", style)) == f"\x1b[{style.value}mx\x1b[0m"


def test_marks_in_a_name_of_anybody_do_not_outlive_their_line():
    evil = f"evil{styled('', Style.BAD)[0]}name"
    assert console.harmless(evil) == "evilname"
    assert painted(f"{evil}\nnext").endswith("\x1b[0m\nnext")


def test_a_terminal_without_the_letters_gets_others():
    assert encodable("✓ 3×4 → µm…", "ascii") == "+ 3x4 -> um..."
    assert encodable("✓ ü 漢", "latin-1") == "+ \\xfc \\u6f22"
    assert encodable("✓ ü 漢", "utf-8") == "✓ ü 漢"


def test_a_word_that_is_longer_than_a_line_stays_whole():
    code = "ISCC:" + "K" * 70
    assert code in "\n".join(wrapped(f"the code is {code} as said", 40, "  ", "    "))


def test_paces_are_told_as_people_do():
    assert _pace(Progress("x", 30, 90), 10.0, 0) == " (3.0/s, 20 s left)"
    assert _pace(Progress("x", 1, 7), 30.0, 0) == " (2.0/min, 3 min 0 s left)"
    assert _pace(Progress("x", 5, None), 10.0, 0) == " (30.0/min)"
    assert _pace(Progress("x", 0, 7), 30.0, 0) == ""
    assert (_rate(1234.0), _duration(7500), _duration(3.21)) == ("1234/s", "2 h 5 min", "3.2 s")


class FakeBars:
    """Remembers what is on the screen."""

    def __init__(self):
        self.shown = {}

    def add_task(self, words, total):
        self.shown[len(self.shown)] = [words, 0]
        return len(self.shown) - 1

    def update(self, task, completed, total):
        self.shown[task][1] = completed

    def reset(self, task, total):
        self.shown[task][1] = 0

    def remove_task(self, task):
        self.shown[task] = None


def test_a_step_that_is_done_leaves_the_screen():
    """A hundred figures are a hundred steps; one bar is enough for them."""
    bars = FakeBars()
    report = _Bars(bars, 28, None)
    report(Progress("figures", 0, 100))
    for number in range(100):
        for done in range(3):
            report(Progress(f"tracing figures/fig{number}.png", done, 2))
    assert [task for task in bars.shown.values() if task] == [["figures", 0]]
