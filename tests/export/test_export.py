"""The export against the schema of LeRobotDataset v3, and against the raw episodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from armchair.cli.main import main
from armchair.errors import BadFileError, BadValueError
from armchair.export.lerobot import ExportConfig, export
from armchair.export.videos import VideoJoin
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data import video
from armchair.worldmodel.data.episodes import DroidEpisodes
from tests.factories import make_episode, smooth_frames
from tests.worldmodel.videos import write_video

KEY = "observation.images.exterior_2_left"
LENGTHS = (20, 24, 22)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> DroidEpisodes:
    """Three episodes of two tasks; the middle one's header says 60 fps."""
    folder = tmp_path_factory.mktemp("raw")
    for index, rows in enumerate(LENGTHS):
        episode = make_episode(index, rows=rows, size=32, task=f"task {index % 2}")
        write_episode(folder, episode, header_fps=60 if index == 1 else 15)
    return DroidEpisodes(folder)


@pytest.fixture(scope="module")
def dataset(raw: DroidEpisodes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "set"
    assert main(["export", str(raw.root), "--out", str(out)]) == 0
    return out


def rows_of(path: Path) -> list[dict[str, Any]]:
    return list(parquet.read_table(path).to_pylist())


def test_info_says_what_the_files_hold(dataset: Path) -> None:
    info = json.loads((dataset / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert (info["fps"], info["total_episodes"], info["total_tasks"]) == (15, 3, 2)
    assert info["total_frames"] == sum(LENGTHS)
    assert info["splits"] == {"train": "0:3"}
    assert info["features"][KEY]["shape"] == [32, 32, 3]
    first = info["data_path"].format(chunk_index=0, file_index=0)
    schema = parquet.read_schema(dataset / first)
    columns = {name for name, entry in info["features"].items() if entry["dtype"] != "video"}
    assert set(schema.names) == columns
    for name in columns:
        (width,) = info["features"][name]["shape"]
        kind = schema.field(name).type
        dtype = str(kind.value_type if width > 1 else kind).replace("float", "float32")
        assert dtype == info["features"][name]["dtype"]
        assert width == (kind.list_size if width > 1 else 1)


def test_frames_are_the_raw_rows(dataset: Path, raw: DroidEpisodes) -> None:
    path = dataset / "data/chunk-000/file-000.parquet"
    assert parquet.ParquetFile(path).num_row_groups == 3
    rows = rows_of(path)
    assert [row["index"] for row in rows] == list(range(sum(LENGTHS)))
    states = np.concatenate([handle.states() for handle in raw])
    poses = np.array([row["observation.state.cartesian_position"] for row in rows])
    assert np.allclose(poses, states[:, :6], atol=1e-6)
    assert np.allclose([row["observation.state"][-1] for row in rows], states[:, 6], atol=1e-6)
    for row in rows:
        assert row["timestamp"] == pytest.approx(row["frame_index"] / 15)
        assert row["action"][:7] == row["action.joint_position"]
    assert [row["frame_index"] for row in rows if row["is_last"]] == [n - 1 for n in LENGTHS]
    assert sum(row["reward"] for row in rows) == 3


def test_episodes_and_tasks_point_to_their_frames(dataset: Path) -> None:
    episodes = rows_of(dataset / "meta/episodes/chunk-000/file-000.parquet")
    assert [episode["length"] for episode in episodes] == list(LENGTHS)
    assert [episode["dataset_from_index"] for episode in episodes] == [0, 20, 44]
    assert [episode["dataset_to_index"] for episode in episodes] == [20, 44, 66]
    assert [episode["tasks"] for episode in episodes] == [["task 0"], ["task 1"], ["task 0"]]
    assert np.shape(episodes[0][f"stats/{KEY}/mean"]) == (3, 1, 1)
    tasks = parquet.read_table(dataset / "meta/tasks.parquet")
    assert tasks.select(["task", "task_index"]).to_pylist() == [
        {"task": "task 0", "task_index": 0},
        {"task": "task 1", "task_index": 1},
    ]
    (index,) = json.loads(tasks.schema.metadata[b"pandas"])["index_columns"]
    assert index == "task"


def test_videos_run_at_exactly_15_fps_and_lose_nothing(dataset: Path, raw: DroidEpisodes) -> None:
    info = json.loads((dataset / "meta/info.json").read_text())
    episodes = rows_of(dataset / "meta/episodes/chunk-000/file-000.parquet")
    for episode, handle in zip(episodes, raw, strict=True):
        chunk, file = (episode[f"videos/{KEY}/{name}_index"] for name in ("chunk", "file"))
        path = info["video_path"].format(video_key=KEY, chunk_index=chunk, file_index=file)
        index = video.index_video(dataset / path)
        assert index.header_fps == 15
        assert len(set(np.diff(index.times))) == 1
        first = round(episode[f"videos/{KEY}/from_timestamp"] * 15)
        assert round(episode[f"videos/{KEY}/to_timestamp"] * 15) == first + len(handle)
        exported = video.read_rows(dataset / path, index, range(first, first + len(handle)))
        assert np.array_equal(exported, handle.frames(range(len(handle))))


def test_statistics_are_those_of_all_frames(dataset: Path, raw: DroidEpisodes) -> None:
    found = json.loads((dataset / "meta/stats.json").read_text())
    states = np.concatenate([handle.states() for handle in raw])[:, :6].astype(np.float32)
    mine = found["observation.state.cartesian_position"]
    for name in ("min", "max", "mean", "std"):
        assert np.allclose(mine[name], getattr(states, name)(axis=0), atol=1e-5), name
    assert mine["count"] == [sum(LENGTHS)]
    assert set(mine) == {*"min max mean std count q01 q10 q50 q90 q99".split()}
    pixels = np.concatenate([handle.frames(range(len(handle))) for handle in raw]) / 255
    means = np.array(found[KEY]["mean"]).reshape(3)
    assert np.allclose(means, pixels.mean(axis=(0, 1, 2)), atol=0.02)


def test_videos_with_b_frames_are_joined_in_the_order_shown(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_video(tmp_path / f"{seed}.mp4", frames=20, seed=seed)  # x264's own settings
    packets = video.index_video(tmp_path / "0.mp4")
    join = VideoJoin(tmp_path / "joined")
    spans = [join.append(tmp_path / f"{seed}.mp4") for seed in (0, 1)]
    join.close()
    assert [(span.file, span.start_s) for span in spans] == [(0, 0.0), (0, 20 / 15)]
    index = video.index_video(tmp_path / "joined/chunk-000/file-000.mp4")
    assert len(index) == 2 * len(packets)
    frames = video.read_rows(tmp_path / "joined/chunk-000/file-000.mp4", index, range(40))
    true = np.concatenate([smooth_frames(20, seed=seed) for seed in (0, 1)]).astype(float)
    for row, frame in enumerate(frames):
        assert np.abs(true - frame).mean(axis=(1, 2, 3)).argmin() == row


def test_a_full_video_file_is_followed_by_another(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4")
    join = VideoJoin(tmp_path / "joined", max_mb=0.001)
    assert [join.append(tmp_path / "a.mp4").file for _ in range(3)] == [0, 1, 2]
    join.close()


def test_damage_leaves_nothing_behind(tmp_path: Path) -> None:
    write_episode(tmp_path / "raw", make_episode(0, rows=12, size=32))
    broken = write_episode(tmp_path / "raw", make_episode(1, rows=12, size=32))
    (next(broken.rglob("*.mp4"))).write_bytes(b"no video")
    with pytest.raises(BadFileError, match=r"mp4: not a whole video"):
        export(DroidEpisodes(tmp_path / "raw"), tmp_path / "out", ExportConfig())
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_frames_of_two_sizes_are_not_one_dataset(tmp_path: Path) -> None:
    for index, size in enumerate((32, 48)):
        write_episode(tmp_path / "raw", make_episode(index, rows=12, size=size))
    sizes = r"48×48, others of 32×32 pixels\. LeRobot wants one size: export the sizes apart"
    with pytest.raises(BadFileError, match=sizes):
        export(DroidEpisodes(tmp_path / "raw"), tmp_path / "out", ExportConfig())
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_two_exports_to_one_folder(raw: DroidEpisodes, tmp_path: Path) -> None:
    """The second is refused and leaves the first alone."""
    refused = []

    def another() -> None:
        with pytest.raises(BadFileError, match="another export writes it"):
            export(raw, tmp_path / "out", ExportConfig())
        refused.append(1)

    export(raw, tmp_path / "out", ExportConfig(), another)
    assert len(refused) == len(raw)
    assert (tmp_path / "out/meta/info.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_exists_is_kept(raw: DroidEpisodes, dataset: Path) -> None:
    with pytest.raises(BadFileError, match="exists already"):
        export(raw, dataset, ExportConfig())
    assert (dataset / "meta/info.json").is_file()


def test_cameras_that_are_not_everywhere(raw: DroidEpisodes, tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="wrist was not rendered"):
        export(raw, tmp_path / "out", ExportConfig(cameras=("wrist",)))
    with pytest.raises(BadValueError, match="expected wrist, ext1, ext2"):
        ExportConfig(cameras=("left",))
    with pytest.raises(BadValueError, match="seed is -1"):
        ExportConfig(seed=-1)
