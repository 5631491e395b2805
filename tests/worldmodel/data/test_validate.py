"""Every kind of damage gives one line that names the file, what was found and the fix."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from armchair.errors import ArmchairError
from armchair.sim.droid_video import encode_mp4
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.validate import validate_episode
from tests.factories import LEFT_ROLE, SERIALS, make_episode, smooth_frames

MP4 = f"recordings/MP4/{SERIALS[LEFT_ROLE]}.mp4"
SIDECAR = f"recordings/MP4/{SERIALS[LEFT_ROLE]}_timestamps.json"
POSE = "observation/robot_state/cartesian_position"
GRIPPER = "observation/robot_state/gripper_position"

Damage = Callable[[Path], Any]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_episode(tmp_path_factory.mktemp("pristine"), make_episode(rows=40))


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A copy to be damaged, in a folder that says success as the original's does."""
    return Path(shutil.copytree(pristine, tmp_path / "success" / "2025-01-01" / pristine.name))


def cut(name: str, keep: float) -> Damage:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * keep)])

    return damage


def replace(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def remove(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def dataset(name: str, change: Callable[[Any], Any]) -> Damage:
    def damage(folder: Path) -> None:
        with h5py.File(folder / "trajectory.h5", "r+") as file:
            values = change(np.array(file[name]))
            del file[name]
            if values is not None:
                file[name] = values

    return damage


def put(place: Any, value: float) -> Callable[[Any], Any]:
    def change(values: Any) -> Any:
        values[place] = value
        return values

    return change


@contextmanager
def metadata(folder: Path) -> Iterator[dict[str, Any]]:
    (path,) = folder.glob("*.json")
    fields = json.loads(path.read_text())
    yield fields
    path.write_text(json.dumps(fields))


def field(name: str, value: Any) -> Damage:
    def damage(folder: Path) -> None:
        with metadata(folder) as fields:
            fields[name] = value

    return damage


def metadata_file(change: Callable[[Path], Any]) -> Damage:
    return lambda folder: change(next(folder.glob("*.json")))


def label(name: str, values: Any) -> Damage:
    """Write a dataset of simulation.h5 anew."""

    def damage(folder: Path) -> None:
        with h5py.File(folder / "simulation.h5", "a") as file:
            file.pop(name, None)
            file[name] = values

    return damage


def break_video(folder: Path) -> None:
    content = bytearray((folder / MP4).read_bytes())
    start, end = content.index(b"mdat") + 2000, content.index(b"moov") - 500
    content[start:end] = b"\xff" * (end - start)
    (folder / MP4).write_bytes(content)


# Damage that reading runs into: (what, where, words of the one line).
READING: dict[str, tuple[Damage, str, str]] = {
    "no HDF5": (remove("trajectory.h5"), "trajectory.h5", "the file is missing"),
    "half an HDF5": (cut("trajectory.h5", 0.5), "trajectory.h5", "not a whole HDF5.*truncated"),
    "empty HDF5": (cut("trajectory.h5", 0.0), "trajectory.h5", "not a whole HDF5 file of 0 bytes"),
    "text as HDF5": (replace("trajectory.h5", b"hello"), "trajectory.h5", "not a whole HDF5"),
    "no MP4": (remove(MP4), MP4, "the file is missing"),
    "half an MP4": (cut(MP4, 0.5), MP4, "not a whole video"),
    "empty MP4": (cut(MP4, 0.0), MP4, "not a whole video of 0 bytes"),
    "text as MP4": (replace(MP4, b"hello " * 99), MP4, "not a whole video"),
    "noise in the MP4": (break_video, MP4, "cannot be decoded|not a whole video"),
    "too few frames": (
        lambda folder: (folder / MP4).write_bytes(encode_mp4(smooth_frames(39))),
        MP4,
        "39 frames for 40 rows",
    ),
    "NaN": (dataset(POSE, put((7, 2), np.nan)), "trajectory.h5", "row 7, column 2 is nan"),
    "infinity": (dataset(GRIPPER, put(3, np.inf)), "trajectory.h5", "row 3, column 6 is inf"),
    "degrees": (
        dataset(POSE, lambda v: np.concatenate([v[:, :3], np.degrees(v[:, 3:])], axis=1)),
        "trajectory.h5",
        "looks like degrees.*Convert it to radians",
    ),
    "millimetres": (
        dataset(POSE, lambda v: v * np.array([1e3, 1e3, 1e3, 1, 1, 1])),
        "trajectory.h5",
        "looks like millimetres",
    ),
    "width in mm": (dataset(GRIPPER, lambda v: 85 * (1 - v)), "trajectory.h5", "like a width"),
    "width in m": (dataset(GRIPPER, lambda v: 0.085 * (1 - v)), "trajectory.h5", "like a width"),
    "open width": (dataset(GRIPPER, lambda v: 0 * v + 0.08), "trajectory.h5", "like a width"),
    "poses cut": (dataset(POSE, lambda v: v[:-1]), "trajectory.h5", "39 poses but 40 gripper"),
    "pose of another shape": (dataset(POSE, lambda v: v[:, :5]), "trajectory.h5", r"\(T, 6\)"),
    "no pose": (dataset(POSE, lambda v: None), "trajectory.h5", f"dataset {POSE} is missing"),
    "no rows": (dataset(POSE, lambda v: v[:0]), "trajectory.h5", "0 poses"),
    "no metadata": (metadata_file(Path.unlink), "", "0 \\*.json files"),
    "two metadata": (
        lambda folder: (folder / "more.json").write_text("{}"), "", "2 \\*.json files"
    ),
    "metadata cut": (metadata_file(lambda path: path.write_text("{")), "metadata", "not JSON"),
    "metadata a list": (metadata_file(lambda path: path.write_text("[]")), "metadata", "a list"),
    "no left camera": (field("left_mp4_path", None), "", "left_mp4_path is None"),
}  # fmt: skip


@pytest.mark.parametrize("name", READING)
def test_reading_damage_fails_with_one_line(folder: Path, name: str) -> None:
    damage, where, words = READING[name]
    damage(folder)
    handle = EpisodeHandle(folder)
    with pytest.raises(ArmchairError, match=words) as caught:  # noqa: PT012
        handle.states()
        handle.frames(range(40))
    line = str(caught.value)
    assert line.startswith(str(folder / where))
    assert "\n" not in line
    assert line.rstrip(".").count(". ") >= 1 or "expected" in line  # found, and the fix
    assert any(str(problem).startswith(str(folder)) for problem in validate_episode(folder))


# Damage that only the full check sees.
CHECKING: dict[str, tuple[Damage, str, str]] = {
    "dataset missing": (dataset("action/joint_velocity", lambda v: None), "trajectory.h5",
        "action/joint_velocity is missing"),
    "intrinsics missing": (
        dataset(f"observation/camera_intrinsics/{SERIALS['wrist']}_left", lambda v: None),
        "trajectory.h5", "camera_intrinsics"),
    "length": (dataset("action/gripper_velocity", lambda v: v[1:]), "trajectory.h5",
        r"is float64 \(39,\), expected float64 \(40,\)"),
    "type": (dataset("observation/timestamp/skip_action", lambda v: v.astype(float)),
        "trajectory.h5", "expected bool"),
    "NaN elsewhere": (dataset("observation/robot_state/joint_positions", put((4, 1), np.nan)),
        "trajectory.h5", "joint_positions is nan at row 4"),
    "velocity": (dataset("action/cartesian_velocity", put((4, 1), 1.5)), "trajectory.h5",
        r"reaches 1.5, expected \[-1, 1\]"),
    "stated length": (field("trajectory_length", 41), "trajectory.h5", "trajectory_length 41"),
    "null": (field("building", None), "", "leave null: building"),
    "outcome": (field("success", False), "", "lies under success but metadata say"),
    "uuid": (field("uuid", "A_b"), "", "uuid 'A_b' holds"),
    "left is right": (field("ext1_cam_extrinsics", [0, 0.9, 0, 0, 0, 0]), "", "larger y"),
    "commands in degrees": (dataset("action/cartesian_position",
        lambda v: v * [1, 1, 1, 57.3, 57.3, 57.3]), "trajectory.h5",
        "radians; it looks like degrees.*Convert it to radians"),
    "wish in mm": (dataset("action/target_cartesian_position", put((3, 0), 400.0)),
        "trajectory.h5", "reaches 400.*metres; it looks like millimetres"),
    "joints in degrees": (dataset("observation/robot_state/joint_positions", lambda v: v * 57.3),
        "trajectory.h5", "joint_positions reaches.*looks like degrees"),
    "commanded width": (dataset("action/gripper_position", lambda v: 85 * (1 - v)),
        "trajectory.h5", "looks like a width.*1 - width / max_width"),
    "camera in mm": (dataset(f"observation/camera_extrinsics/{SERIALS['ext1']}_right",
        lambda v: v * [1e3, 1e3, 1e3, 1, 1, 1]), "trajectory.h5", "looks like millimetres"),
    "intrinsics as shares": (dataset(f"observation/camera_intrinsics/{SERIALS['ext1']}_left",
        lambda v: v / 64), "trajectory.h5", "expected fx 0 cx.*by the picture's size"),
    "seconds": (dataset("observation/timestamp/control/step_start", lambda v: v // 1000),
        "trajectory.h5", "ms since 1970; it looks like seconds"),
    "nanoseconds": (dataset("observation/timestamp/robot_state/read_end", lambda v: v * 10**6),
        "trajectory.h5", "looks like nanoseconds"),
    "time runs back": (dataset("observation/timestamp/robot_state/read_start", lambda v: v[::-1]),
        "trajectory.h5", "runs backwards by 6. ms after row 0"),
    "rows at 60 Hz": (dataset("observation/timestamp/control/step_start",
        lambda v: v[0] + (v - v[0]) // 4), "trajectory.h5", "a row every 17 ms.*expected 67"),
    "flag 7": (dataset("observation/timestamp/skip_action", lambda v: v * 0 + 7),
        "trajectory.h5", "holds 7, expected flags"),
    "words": (dataset("action/joint_position", lambda v: v.astype("S4")), "trajectory.h5",
        "expected numbers"),
    "camera type": (dataset(f"observation/camera_type/{SERIALS['wrist']}", lambda v: v + 5),
        "trajectory.h5", "hand, varied or fixed"),
    "serial": (field("wrist_cam_serial", 10000003), "", "expected a str"),
    "wrong MP4": (field("wrist_mp4_path", "recordings/MP4/1.mp4"), "", "wrist_mp4_path is"),
    "pose of 5": (field("wrist_cam_extrinsics", [0] * 5), "", "expected 6 numbers"),
    "pose in degrees": (field("wrist_cam_extrinsics", [0, 0, 0, 180, 0, 0]), "", "like degrees"),
    "twice the left": (field("right_mp4_path", f"success/2025-01-01/x/{MP4}"), "",
        "left and right MP4 are"),
    "sidecar in seconds": (replace(SIDECAR, json.dumps([1.7e9] * 40).encode()), SIDECAR,
        "ms since 1970"),
    "sidecar missing": (remove(SIDECAR), SIDECAR, "missing"),
    "sidecar short": (replace(SIDECAR, b"[1, 2]"), SIDECAR, "holds 2 times, expected one for each"),
    "sidecar cut": (replace(SIDECAR, b"[1, 2"), SIDECAR, "not JSON"),
    "labels cut": (cut("simulation.h5", 0.5), "simulation.h5", "not a whole HDF5.*delete"),
    "labels of other rows": (label("held", np.zeros(39)), "simulation.h5",
        r"held is \(39,\), expected \(40,\)"),
    "object without a turn": (label("object_pose", np.zeros((40, 3))), "simulation.h5",
        r"object_pose is \(40, 3\), expected \(40, 7\)"),
    "NaN in a label": (label("object_pose", np.full((40, 7), np.nan)), "simulation.h5",
        "object_pose is nan at row 0"),
    "words as a label": (label("finger_contacts", np.full((40, 2), b"no")), "simulation.h5",
        "finger_contacts is .*expected numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKING)
def test_the_full_check_finds_exactly_this(folder: Path, name: str) -> None:
    damage, where, words = CHECKING[name]
    damage(folder)
    (problem,) = validate_episode(folder)
    assert str(problem).startswith(str(folder / where))
    assert re.search(words, str(problem)), problem


def test_a_whole_episode_has_no_problems(folder: Path) -> None:
    assert validate_episode(folder) == []


def test_a_space_in_the_path_is_a_problem(pristine: Path, tmp_path: Path) -> None:
    """Lists of episodes, V-JEPA 2's for one, are split at spaces."""
    spaced = tmp_path / "my lab" / "success" / "2025-01-01"
    folder = Path(shutil.copytree(pristine, spaced / pristine.name))
    (problem,) = validate_episode(folder)
    assert "a space in the path" in str(problem)


@pytest.mark.parametrize("closed", [0.0, 0.03, 0.4, 1.0])
def test_a_still_gripper_is_no_width(folder: Path, closed: float) -> None:
    dataset(GRIPPER, lambda v: 0 * v + closed)(folder)
    assert validate_episode(folder) == []


def test_released_files_lack_intrinsics_and_hold_more(folder: Path) -> None:
    for serial in SERIALS.values():
        for eye in ("left", "right"):
            dataset(f"observation/camera_intrinsics/{serial}_{eye}", lambda v: None)(folder)
    dataset("action/joint_velocity", lambda v: v.astype(np.float32))(folder)
    with h5py.File(folder / "trajectory.h5", "r+") as file:
        file["observation/camera_extrinsics/10000003_left_gripper_offset"] = np.zeros((40, 6))
    with metadata(folder) as fields:
        fields["lab"] = "AUTOLab"
        del fields["droid_version"]
    assert validate_episode(folder) == []


def test_all_problems_are_listed_not_only_the_first(folder: Path) -> None:
    for damage in (remove(SIDECAR), field("building", None), dataset(POSE, put((0, 0), np.nan))):
        damage(folder)
    assert len(validate_episode(folder)) == 4  # NaN shows as a dataset and as a state
