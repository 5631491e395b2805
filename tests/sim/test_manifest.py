"""`collect.json`: a folder holds the episodes of one set of settings, and says which."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from armchair.errors import BadFileError
from armchair.sim.behaviours import BEHAVIOURS
from armchair.sim.collect import collect
from armchair.sim.droid_writer import existing_indices
from armchair.sim.manifest import MANIFEST, STAGED, claim, staged_in
from armchair.sim.mix import MIXES, MixConfig
from tests.sim.collecting import STEPS, TINY


@pytest.mark.parametrize("change", [{"level": "full"}, {"rows": 40}, {"mix": STEPS}, {"seed": 1}])
def test_a_folder_of_other_settings_is_refused(collected: Path, change: dict[str, Any]) -> None:
    config = replace(TINY, **change)
    (name,) = change
    with pytest.raises(BadFileError, match=rf"collect.json: .*other settings.*{name} was"):
        next(collect(config, collected))
    assert existing_indices(collected) == {0, 1}


def test_a_folder_without_a_manifest_is_judged_by_its_episodes(
    collected: Path, tmp_path: Path
) -> None:
    shutil.copytree(collected, tmp_path, dirs_exist_ok=True)
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(BadFileError, match='level was "light", now "none"'):
        next(collect(replace(TINY, level="none"), tmp_path))
    assert not (tmp_path / MANIFEST).exists()
    assert list(collect(TINY, tmp_path)) == [0, 1]
    assert (tmp_path / MANIFEST).read_bytes() == (collected / MANIFEST).read_bytes()


def test_a_setting_that_came_later_counts_as_unset(collected: Path, tmp_path: Path) -> None:
    shutil.copytree(collected, tmp_path, dirs_exist_ok=True)
    settings = json.loads((tmp_path / MANIFEST).read_text())
    del settings["mesh_keep"]
    (tmp_path / MANIFEST).write_text(json.dumps(settings))
    assert list(collect(TINY, tmp_path)) == [0, 1]
    with pytest.raises(BadFileError, match=r"mesh_keep was null, now 0\.2"):
        next(collect(replace(TINY, mesh_keep=0.2), tmp_path))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadFileError, match="file: is a file, not a folder"):
        next(collect(TINY, tmp_path / "file"))
    with pytest.raises(BadFileError, match=r"cannot be written \(.*Give a folder that"):
        next(collect(TINY, tmp_path / "file" / "data"))


def test_a_manifest_that_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("[")
    with pytest.raises(BadFileError, match="cannot be read"):
        next(collect(TINY, tmp_path))


def claimed(folder: Path, mix: MixConfig) -> Path:
    claim(folder, {"mix": asdict(mix)})
    return folder / MANIFEST


def test_manifests_tell_what_no_action_brings_about(tmp_path: Path) -> None:
    assert set(STAGED) < set(BEHAVIOURS)
    claimed(tmp_path / "tasks", MIXES["tasks"])
    assert staged_in(tmp_path) == staged_in(tmp_path / "tasks") == {}
    glides = claimed(tmp_path / "glides", MIXES["uniform"])
    assert staged_in(glides.parent) == {glides: "glide"}
    some = MixConfig(behaviours=(("reach", 0.9), ("rearrange", 0.1), ("glide", 0.0)))
    mixed = claimed(tmp_path / "mixed", some)
    assert staged_in(tmp_path) == {glides: "glide", mixed: "rearrange"}


@pytest.mark.parametrize("text", ["[", "[]", "{}", '{"mix": 3}', '{"mix": {"behaviours": [1]}}'])
def test_a_file_of_the_same_name_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    assert staged_in(tmp_path) == {}
