"""The program's frame: help without heavy imports, exit codes, one line for bad input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import armchair.cli
from armchair.cli import main as program

TOY = '''"""Fail in the way that is asked for."""
import errno
from dataclasses import dataclass
from armchair.errors import ArmchairError, BadValueError, UnknownNameError

@dataclass(frozen=True, kw_only=True)
class Config:
    way: str = "none"
    """Name of the failure."""
    factor: float = 1.0
    """Dimensionless, 0 or more."""
    def __post_init__(self):
        if self.factor < 0:
            raise BadValueError(f"factor {self.factor} is negative. Choose 0 or more.")

def run(config):
    wrapped = RuntimeError("writer")
    wrapped.__cause__ = OSError(errno.ENOSPC, "full")
    ways = {
        "input": ArmchairError("a.h5: two\\nlines. Fix it."),
        "interrupt": KeyboardInterrupt(),
        "full": OSError(errno.ENOSPC, "No space left on device", "out.h5"),
        "wrapped": wrapped,
        "words": RuntimeError("Io: No space left on device"),
        "permission": PermissionError(errno.EACCES, "Permission denied", "/x"),
        "bug": ZeroDivisionError("our own mistake"),
    }
    if config.way == "none":
        print("done")
    elif config.way in ways:
        raise ways[config.way]
    else:
        raise UnknownNameError("way", config.way, ways)
'''


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One verb more, `toy`, for the length of a test."""
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setattr(armchair.cli, "__path__", [*armchair.cli.__path__, str(tmp_path)])
    yield
    sys.modules.pop("armchair.cli.toy", None)


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr, nothing on stdout."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("armchair: error: ")
    return err


def test_success_is_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["toy"]) == 0
    assert capsys.readouterr().out == "done\n"


def test_bad_input_is_one_line_and_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["toy", "--way", "input"]) == 2
    assert complaint(capsys) == "armchair: error: a.h5: two lines. Fix it.\n"


def test_unknown_verb_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["toi"]) == 2
    assert "unknown verb 'toi'. Did you mean 'toy'?" in complaint(capsys)


def test_unknown_name_inside_a_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["toy", "--way", "ful"]) == 2
    assert "Did you mean 'full'?" in complaint(capsys)


def test_value_refused_by_the_config(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["toy", "--factor", "-1"]) == 2
    assert "factor -1.0 is negative. Choose 0 or more." in complaint(capsys)


@pytest.mark.parametrize("options", ["--factor many", "--factr 2", "stray"])
def test_bad_syntax_is_two(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        program.main(["toy", *options.split()])
    assert stop.value.code == 2
    assert options.split()[0] in capsys.readouterr().err


@pytest.mark.parametrize("way", ["full", "wrapped", "words"])
def test_full_disk_is_one_line_and_two(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["toy", "--way", way]) == 2
    line = complaint(capsys)
    assert "the disk is full" in line
    assert ("out.h5" in line) == (way == "full")


def test_missing_permission_is_one_line_and_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["toy", "--way", "permission"]) == 2
    assert "/x: Permission denied" in complaint(capsys)


def test_interrupt_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["toy", "--way", "interrupt"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_our_own_mistakes_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        program.main(["toy", "--way", "bug"])


def test_help_of_a_verb_shows_units(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        program.main(["toy", "--help"])
    assert stop.value.code == 0
    assert "Dimensionless, 0 or more" in capsys.readouterr().out


def test_no_verb_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([]) == 2
    assert "usage: armchair" in capsys.readouterr().err


def test_help_lists_verbs_without_heavy_imports() -> None:
    code = """
import sys
from armchair.cli.main import main
assert main(["--help"]) == 0
heavy = {"torch", "transformers", "mujoco", "robosuite", "h5py"} & set(sys.modules)
assert not heavy, heavy
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "usage: armchair" in result.stdout


def test_module_is_the_program() -> None:
    command = [sys.executable, "-m", "armchair", "--version"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, f"armchair {armchair.__version__}\n")
