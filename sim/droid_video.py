"""RGB frames to H.264 in MP4, in memory; part of the DROID writer."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from armchair.episode import ROWS_PER_SECOND

X264 = {
    "preset": "superfast",
    "crf": "18",
    "g": "15",  # a key frame every second: seeking decodes 14 frames at most
    "bf": "0",  # no reordering: packets lie in display order
    "threads": "1",  # several threads would change the bytes with the machine
}
EXACT_COLOURS = 4 | 0x2000 | 0x40000 | 0x80000
"""FFmpeg's bicubic, full chroma, accurate rounding, bit-exact: the same on every processor."""


def encode_mp4(frames: NDArray[np.uint8], header_fps: int = ROWS_PER_SECOND) -> bytes:
    """Return an MP4 of frames (T, height, width, 3) RGB: one video frame each, BT.601, yuv420p.

    `header_fps` is only what the header says: rows come at 15 Hz; released DROID files say 60.
    The same frames give the same bytes.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=header_fps, options=X264)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, header_fps)
        context.color_range, context.colorspace = 1, 6  # studio swing, SMPTE 170M (= BT.601)
        reformatter = VideoReformatter()  # keeps its tables from frame to frame
        for row, image in enumerate(frames):
            container.mux(stream.encode(_to_yuv(reformatter, image, row)))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _to_yuv(reformatter: VideoReformatter, image: NDArray[np.uint8], row: int) -> av.VideoFrame:
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    yuv = reformatter.reformat(
        rgb,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT_COLOURS,
    )
    yuv.pts = row
    return yuv
