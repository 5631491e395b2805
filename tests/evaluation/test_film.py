"""Films: as many pictures as were given, at their speed, in their colours, the right way up."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from armchair.evaluation.film import write_film


def test_pictures_come_back(tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48] = (200, 30, 60)
    picture[32:, 48:] = (20, 90, 220)
    write_film(tmp_path / "deep" / "film.mp4", [picture, picture, 255 - picture], fps=4)
    with av.open(str(tmp_path / "deep" / "film.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 4
        assert stream.codec_context.pix_fmt == "yuv420p", "what browsers play"
        seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(seen) == 3
    for found, given in zip(seen, (picture, picture, 255 - picture), strict=True):
        for place in ((16, 24), (16, 72), (48, 24), (48, 72)):
            assert np.abs(found[place].astype(int) - given[place]).max() < 12
