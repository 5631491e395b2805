"""Whether an MP4 is as long as it says: FFmpeg plays one whose last bytes are missing."""

from __future__ import annotations

import struct
from pathlib import Path

from armchair.errors import BadFileError
from armchair.worldmodel.data.trajectory import COPY_AGAIN

MAX_BOXES = 1000
"""More at the top level are damage; an ordinary file has four."""


def check_whole(path: Path) -> None:
    """Raise BadFileError if a top-level box of the MP4 goes beyond the end of the file.

    Each box begins with its length (ISO/IEC 14496-12, 4.2): 4 bytes, 1 for 8 more bytes after the
    name, 0 for the rest of the file.
    """
    size, place = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(MAX_BOXES):
            if place == size:
                return
            file.seek(place)
            head = file.read(16)
            length = struct.unpack(">I", head[:4])[0] if len(head) >= 8 else 0
            if len(head) >= 8 and length == 0:
                return
            if length == 1 and len(head) == 16:
                length = struct.unpack(">Q", head[8:])[0]
            if length < 8 or place + length > size:
                break
            place += length
    found = f"not a whole video of {size} bytes: the box at byte {place} goes beyond the end"
    raise BadFileError(path, found, COPY_AGAIN)
