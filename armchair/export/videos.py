"""Episodes' MP4 files joined into few, packet by packet: no frame is decoded or encoded again.

Frame r of an episode that begins after n frames stands at exactly (n + r) / 15 s, whatever the
raw header said. A new file begins where the last is full, or where the codec's settings change.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer

from armchair.episode import ROWS_PER_SECOND
from armchair.errors import BadFileError
from armchair.worldmodel.data.trajectory import COPY_AGAIN
from armchair.worldmodel.data.video import DAMAGE

FILE = "chunk-{chunk:03d}/file-{file:03d}"
FILES_PER_CHUNK = 1000
MAX_FILE_MB = 200


@dataclass(frozen=True, kw_only=True)
class Span:
    """Where an episode's frames stand: in which file, from and to which second."""

    chunk: int
    file: int
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class _Source:
    """One raw video: packets in the order of decoding, and the row that each one shows."""

    packets: list[Any]
    rows: list[int]
    signature: tuple[Any, ...]
    stream: Any

    @property
    def delay(self) -> int:
        """Frames that must be decoded ahead of the first one shown (0 without B frames)."""
        return max(place - row for place, row in enumerate(self.rows))


class VideoJoin:
    """Joins the videos of one camera under <root>/chunk-xxx/file-xxx.mp4, in the order given."""

    def __init__(self, root: Path, max_mb: float = MAX_FILE_MB) -> None:
        self.root, self.max_bytes = root, max_mb * 1e6
        self._output: OutputContainer | None = None
        self._stream: Any = None
        self._signature: tuple[Any, ...] = ()
        self._delay = self._number = self._frames = self._bytes = 0

    def append(self, path: Path) -> Span:
        """Add one raw video whole; raises BadFileError if it cannot be read to its end."""
        try:
            with av.open(str(path)) as container:
                source = _read(container)
                self._make_room(source, path.stat().st_size)
                self._mux(source)
        except DAMAGE as error:
            found = f"cannot be joined ({' '.join(str(error).split())})"
            raise BadFileError(path, found, COPY_AGAIN) from error
        start, self._frames = self._frames, self._frames + len(source.rows)
        chunk, file = divmod(self._number - 1, FILES_PER_CHUNK)
        return Span(
            chunk=chunk,
            file=file,
            start_s=start / ROWS_PER_SECOND,
            end_s=self._frames / ROWS_PER_SECOND,
        )

    def close(self) -> None:
        """Finish the file that is open."""
        if self._output is not None:
            self._output.close()
            self._output = None

    def _make_room(self, source: _Source, size: int) -> None:
        full = self._bytes + size > self.max_bytes
        other = source.signature != self._signature or source.delay > self._delay
        if self._output is None or full or other:
            self.close()
            chunk, file = divmod(self._number, FILES_PER_CHUNK)
            path = self.root / f"{FILE.format(chunk=chunk, file=file)}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._output = av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"})
            self._stream = self._output.add_stream_from_template(source.stream)
            self._stream.time_base = Fraction(1, ROWS_PER_SECOND)
            self._signature, self._delay = source.signature, source.delay
            self._number, self._frames, self._bytes = self._number + 1, 0, 0
        self._bytes += size

    def _mux(self, source: _Source) -> None:
        assert self._output is not None
        for place, (packet, row) in enumerate(zip(source.packets, source.rows, strict=True)):
            packet.stream = self._stream
            packet.time_base = Fraction(1, ROWS_PER_SECOND)
            packet.pts = self._frames + row
            packet.dts = self._frames + place - self._delay
            packet.duration = 1
            self._output.mux(packet)


def _read(container: Any) -> _Source:
    stream = container.streams.video[0]
    packets = [packet for packet in container.demux(stream) if packet.size]
    times = [packet.pts for packet in packets]
    if not packets or None in times:
        raise ValueError(f"{len(packets)} packets without usable times")
    order = {time: row for row, time in enumerate(sorted(times))}
    codec = stream.codec_context
    size = (codec.width, codec.height, codec.pix_fmt)
    return _Source(
        packets=packets,
        rows=[order[time] for time in times],
        signature=(codec.name, *size, bytes(codec.extradata or b"")),
        stream=stream,
    )
