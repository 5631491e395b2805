"""The wheel as a user gets it: built through the sdist, installed outside the clone.

A truly clean environment would download gigabytes; this one is a new venv that holds the wheel
alone and reads the *dependencies* from the environment that runs the tests, through a path file.
An editable install there stays invisible: path files found that way are not obeyed in turn.
Missing dependencies are the business of test_namespace.py and of `make install` in a new clone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("armchair", "envs", "planners", "sim", "worldmodel")
FILES = ("LICENSE", "README.md", "pyproject.toml")


def run(*command: object, cwd: Path) -> str:
    """Run a command without the clone on its path; return stdout, or fail with its stderr."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from an sdist built from a copy, so that no stale build/ gets in."""
    clone, out = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, clone / name, symlinks=True, ignore=ignore)
    for name in FILES:
        shutil.copy(ROOT / name, clone / name)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, clone, cwd=out)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of a new environment that holds the wheel."""
    home = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    interpreter = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", interpreter, "--quiet"]
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return interpreter


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a working folder such as robot-learning users have: decoys beside their script."""
    for name in ("envs", "sim", "planners", "worldmodel"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the decoy was imported')")
    return tmp_path


def test_wheel_holds_the_library_once_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].split("-")[0] for name in names} == {"armchair"}
    assert len(names) == len(set(names))
    found = [file for top in SOURCES for file in (ROOT / top).rglob("*")]
    files = [f.relative_to(ROOT) for f in found if f.is_file() and "__pycache__" not in f.parts]
    on_disk = {str(f if f.parts[0] == "armchair" else Path("armchair", f)) for f in files}
    assert {name for name in names if ".dist-info/" not in name} == on_disk


def test_shipped_model_is_below_20_megabytes(wheel: Path) -> None:
    entries = zipfile.ZipFile(wheel).infolist()
    weights = [entry.file_size for entry in entries if entry.filename.endswith(".safetensors")]
    assert 0 < sum(weights) < 20e6


def test_program_runs_outside_the_clone(python: Path, elsewhere: Path) -> None:
    help_text = run(python.parent / "armchair", "--help", cwd=elsewhere)
    assert "usage: armchair" in help_text


def test_library_comes_from_the_wheel(python: Path, elsewhere: Path) -> None:
    code = "import armchair.sim as s; print(s.__file__)"
    assert str(python.parents[1]) in run(python, "-c", code, cwd=elsewhere)


def test_one_step_of_an_env(python: Path, elsewhere: Path) -> None:
    code = """
import armchair, gymnasium
env = gymnasium.make("armchair/FrankaReach-v0")
observation, _ = env.reset(seed=0)
observation, *_ = env.step(env.action_space.sample() * 0)
print(observation["frame"].shape, observation["state"].shape)
"""
    assert run(python, "-c", code, cwd=elsewhere).strip() == "(256, 256, 3) (7,)"
