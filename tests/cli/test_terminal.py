"""The commands in real pseudo-terminals of several widths."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios

import pytest
from drawn_study import TIFF, write_drawn_study

pty = pytest.importorskip("pty", reason="pseudo-terminals of Unix")

MAIN = "from biocodes_crate.cli import main; main()"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def on_a_terminal(width, *arguments, **environment):
    """What a command shows on a terminal, with its escape codes."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    inherited = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLUMNS", "LINES"}}
    work = subprocess.Popen(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**inherited, "TERM": "xterm-256color", "PYTHONUTF8": "1", **environment},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            block = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not block:
            break
        shown += block
    os.close(leader)
    assert work.wait(timeout=60) in {0, 1, 2}
    return shown.decode("utf-8").replace("\r\n", "\n")


def lines_of(shown):
    return ESCAPES.sub("", shown).split("\n")


@pytest.fixture(scope="module")
def crate(tmp_path_factory):
    """A drawn study with a name that is long, built. Read only."""
    from biocodes_crate.pipeline import build_study

    root = write_drawn_study(tmp_path_factory.mktemp("terminal") / "study")
    build_study(root)
    return root


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_what_is_shown_fits_the_terminal(crate, width):
    commands: list[tuple] = [("edges", crate), ("compare", crate / TIFF, crate / TIFF)]
    if width >= 50:  # typer wraps help no narrower
        commands += [("--help",), *((command, "--help") for command in ("build", "validate", "report"))]
    for arguments in commands:
        lines = [line for line in lines_of(on_a_terminal(width, *arguments)) if str(crate) not in line]
        assert max(map(len, lines)) <= width, arguments


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_summary_of_a_build_fits_but_for_what_must_stay_whole(crate, width):
    shown = on_a_terminal(width, "build", crate)
    lines = lines_of(shown.rpartition("\r")[2] if "\r" in shown else shown)
    whole = re.compile(re.escape(str(crate)) + "|ISCC:")
    assert max((len(line) for line in lines if not whole.search(line)), default=0) <= width
    assert any("✓ verified" in line for line in lines)


def test_colours_are_for_terminals_that_want_them(crate):
    assert "\x1b[32m✓ verified\x1b[0m" in on_a_terminal(80, "edges", crate)
    assert "\x1b" not in on_a_terminal(80, "edges", crate, NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(80, "edges", crate, TERM="dumb")
    piped = subprocess.run(
        [sys.executable, "-c", MAIN, "edges", str(crate)], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert "\x1b" not in piped.stdout
    assert "✓ verified" in piped.stdout


def test_a_bar_shows_the_step_and_leaves_nothing_behind(crate):
    shown = on_a_terminal(80, "build", crate, "--no-cache")
    assert "images" in shown
    assert re.search("[━╸╺]", shown)
    assert "\x1b[?25h" in shown, "the cursor is shown again"
    assert not any(re.search("[━╸╺]", line.rpartition("\x1b[2K")[2]) for line in shown.split("Built")[1:])


def test_quiet_says_only_what_a_script_needs(crate):
    quiet = on_a_terminal(80, "build", crate, "--quiet")
    assert quiet.strip() == str(crate)
    assert "✓ valid" in on_a_terminal(80, "validate", crate, "-q", "--level", "metadata")
    assert "crate:" in on_a_terminal(80, "edges", crate / "gone", "-q"), "errors are told all the same"


def test_verbose_says_every_note_and_the_time_of_every_step(crate):
    shown = on_a_terminal(100, "build", crate, "-v", "--no-cache")
    assert re.search(r"\bimages: [0-9.]+ s", ESCAPES.sub("", shown))
    assert "note:" in shown
    assert "further note" not in shown


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("crate va", "validate"), ("crate edges --format j", "jsonld"), ("crate build --qu", "--quiet")],
)
def test_a_shell_completes_commands_options_and_choices(typed, wanted):
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'crate'; " + MAIN],
        env={
            **os.environ,
            "_CRATE_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(typed.count(" ")),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert wanted in done.stdout.split()


def test_a_terminal_without_unicode_is_no_reason_to_fail(crate):
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "edges", str(crate)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert b"+ verified" in done.stdout
