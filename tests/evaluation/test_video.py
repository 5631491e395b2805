"""Episode videos: frames, size, both kinds of contestant."""

from __future__ import annotations

from pathlib import Path

import av

from armchair.evaluation.run import evaluate
from tests.evaluation.conftest import evaluation
from tests.evaluation.fakes import FakeReach


def test_one_video_per_episode(env: FakeReach, tmp_path: Path) -> None:
    run = evaluation(tmp_path, episodes=2, videos=True, controls=("hold",))
    rows = evaluate(run, lambda *_: None).tasks["reach"].per_episode
    assert [row.video for row in rows] == ["videos/reach-000.mp4", "videos/reach-001.mp4"]
    assert len(list((tmp_path / "videos").iterdir())) == 2
    with av.open(str(tmp_path / "videos" / "reach-000.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 10 * 2 + 6
    assert frames[0].shape == (360, 960, 3)
    assert abs(frames[0].astype(float) - frames[-1]).mean() > 0.5
