"""The frame store: append, damage, another configuration."""

from __future__ import annotations

import pickle
from pathlib import Path

import av
import numpy as np
import pytest

from armchair.errors import BadFileError
from armchair.worldmodel.data.frame_store import (
    FRAMES,
    FrameStore,
    StoreConfig,
    find_videos,
    update_store,
)
from tests.factories import smooth_frames
from tests.worldmodel.videos import write_video

CONFIG = StoreConfig(size=32, row_stride=4)


def test_every_fourth_frame_small(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=18)
    store = update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)
    assert store.frames.shape == (5, 32, 32, 3)
    assert store.episodes == [(0, 5)]
    pictures = smooth_frames(18)[::4].reshape(5, 32, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(store.frames - pictures).mean() < 6  # MP4 is lossy


def test_frames_are_as_far_apart_in_any_video(tmp_path: Path) -> None:
    write_video(tmp_path / "cinema.mp4", frames=24, fps=24)  # a second
    write_video(tmp_path / "slow.mp4", frames=3, fps=2)
    episode = tmp_path / "episode" / "recordings" / "MP4"
    episode.mkdir(parents=True)
    (episode.parents[1] / "trajectory.h5").touch()
    write_video(episode / "released.mp4", frames=15, fps=60)  # 15 rows, a second of real time
    store = update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)
    counts = {Path(video.path).stem: video.count for video in store.videos}
    assert counts == {"cinema": 4, "slow": 3, "released": 4}
    assert store.episodes[0] == (0, 4)
    pictures = smooth_frames(24)[[0, 6, 13, 19]].reshape(4, 32, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(store.frames[:4] - pictures).mean() < 6


def test_new_videos_are_appended_and_old_ones_stay(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "b.mp4", frames=8)
    first = np.array(update_store(tmp_path / "store", find_videos([folder]), CONFIG).frames)
    with (tmp_path / "store" / FRAMES).open("ab") as file:
        file.write(b"half a video of a killed run")
    write_video(folder / "a.mp4", frames=12, seed=1)
    write_video(folder / "20000001-stereo.mp4", frames=4)
    (folder / ".unfinished").mkdir()
    write_video(folder / ".unfinished" / "c.mp4", frames=12, seed=1)
    seen: list[Path] = []
    store = update_store(tmp_path / "store", find_videos([folder]), CONFIG, seen.append)
    assert store.episodes == [(0, 3), (3, 2)]  # as asked for: a, then b
    assert np.array_equal(store.frames[3:], first)
    assert [path.name for path in seen] == ["a.mp4"]
    assert FrameStore(tmp_path / "store").episodes == [(0, 2), (2, 3)]  # as they lie there


def test_capitals_in_a_video_s_name(tmp_path: Path) -> None:
    for name in ("a.MP4", "b.Mp4", "c-stereo.MP4", "d.mp3"):
        (tmp_path / name).touch()
    assert [path.name for path in find_videos([tmp_path])] == ["a.MP4", "b.Mp4"]


def test_a_view_has_the_videos_that_were_asked_for(tmp_path: Path) -> None:
    for index, name in enumerate("abc"):
        write_video(tmp_path / f"{name}.mp4", frames=8, seed=index)
    a, b, c = find_videos([tmp_path])
    whole = np.array(update_store(tmp_path / "store", [a, b, c], CONFIG).frames)
    for wanted, places in (([b, c], [2, 3, 4, 5]), ([c, a], [4, 5, 0, 1])):
        view = update_store(tmp_path / "store", wanted, CONFIG)
        assert len(view) == 4
        assert view.frames.shape == (4, 32, 32, 3)
        assert [video.path for video in view.videos] == [str(path) for path in wanted]
        assert np.array_equal(view.frames[np.array([[0, 3]])], whole[[[places[0], places[3]]]])
        assert np.array_equal(pickle.loads(pickle.dumps(view)).frames[:], whole[places])


def test_a_damaged_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(BadFileError, match=r"broken\.mp4: cannot be decoded"):
        update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)


def test_a_video_that_was_cut_short_is_named(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=60)
    plain = tmp_path / "a.mp4"
    whole = tmp_path / "whole" / "b.mp4"
    whole.parent.mkdir()
    with (
        av.open(str(plain)) as source,
        av.open(str(whole), "w", options={"movflags": "faststart"}) as target,
    ):
        track = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = track
                target.mux(packet)
    data = whole.read_bytes()
    assert len(update_store(tmp_path / "all", find_videos([whole.parent]), CONFIG)) > 1
    whole.write_bytes(data[: int(0.6 * len(data))])
    with pytest.raises(BadFileError, match=r"b\.mp4"):
        update_store(tmp_path / "store", find_videos([whole.parent]), CONFIG)


def test_a_replaced_video_is_named(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=8)
    update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)
    write_video(tmp_path / "a.mp4", frames=12, seed=1)
    with pytest.raises(BadFileError, match=r"a\.mp4: .* when its frames were stored"):
        update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4")
    update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)
    with pytest.raises(BadFileError, match="Choose another store folder"):
        update_store(tmp_path / "store", [], StoreConfig(size=16))


def test_a_short_store_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4")
    update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)
    (tmp_path / "store" / FRAMES).write_bytes(b"")
    with pytest.raises(BadFileError, match="shorter than its manifest"):
        FrameStore(tmp_path / "store")
    with pytest.raises(BadFileError, match="shorter than its manifest"):  # no zeros instead
        update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)


def test_wide_videos_are_cropped_as_the_encoder_crops(tmp_path: Path) -> None:
    import av

    wide = np.zeros((4, 36, 64, 3), np.uint8)
    wide[:, :, 8:56] = 255  # the central 1.35 crop is 48.6 of 64 pixels wide
    with av.open(str(tmp_path / "wide.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for picture in wide:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    store = update_store(tmp_path / "store", find_videos([tmp_path]), CONFIG)
    assert store.frames.shape == (1, 32, 32, 3)
    assert store.frames.mean() > 235
