"""info.json of a LeRobotDataset v3: version, totals, path templates, every feature."""

from __future__ import annotations

from typing import Any

from armchair.episode import ROWS_PER_SECOND
from armchair.export.features import CAMERA_NAMES, FEATURES
from armchair.export.tables import INDICES, MAX_FILE_MB
from armchair.export.videos import FILES_PER_CHUNK
from armchair.export.videos import MAX_FILE_MB as MAX_VIDEO_MB

VERSION = "v3.0"
ROBOT = "Franka"
PATTERN = "chunk-{chunk_index:03d}/file-{file_index:03d}"


def video_key(role: str) -> str:
    """Return the feature's name of a camera's role."""
    return f"observation.images.{CAMERA_NAMES[role]}"


def dataset_info(
    *, episodes: int, frames: int, tasks: int, sizes: dict[str, tuple[int, int]]
) -> dict[str, Any]:
    """Return info.json; `sizes`: width and height in pixels of each camera's role."""
    features = {name: feature.entry() for name, feature in (FEATURES | INDICES).items()}
    for role, size in sizes.items():
        features[video_key(role)] = _video_entry(*size)
    return {
        "codebase_version": VERSION,
        "robot_type": ROBOT,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": MAX_FILE_MB,
        "video_files_size_in_mb": MAX_VIDEO_MB,
        "fps": ROWS_PER_SECOND,
        "splits": {"train": f"0:{episodes}"},
        "data_path": f"data/{PATTERN}.parquet",
        "video_path": f"videos/{{video_key}}/{PATTERN}.mp4",
        "features": features,
    }


def _video_entry(width: int, height: int) -> dict[str, Any]:
    about = {
        "video.height": height,
        "video.width": width,
        "video.codec": "h264",
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "video.fps": ROWS_PER_SECOND,
        "video.channels": 3,
        "has_audio": False,
    }
    names = ["height", "width", "channels"]
    return {"dtype": "video", "shape": [height, width, 3], "names": names, "info": about}
