"""The Parquet files of a LeRobotDataset v3: frames, episodes and tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from armchair.errors import ArmchairError
from armchair.export.features import FEATURES, Feature, Values
from armchair.export.videos import FILE, FILES_PER_CHUNK

MAX_FILE_MB = 100
INDICES: dict[str, Feature] = {
    "timestamp": Feature(dtype="float32"),
    "frame_index": Feature(dtype="int64"),
    "episode_index": Feature(dtype="int64"),
    "index": Feature(dtype="int64"),
    "task_index": Feature(dtype="int64"),
}
"""LeRobot's own columns: seconds since the episode's start, and where a frame stands."""


def arrow() -> tuple[ModuleType, ModuleType]:
    """Return pyarrow and pyarrow.parquet; raises ArmchairError where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ArmchairError(
            "`armchair export` writes Parquet with pyarrow, which is not installed. "
            "Run in your clone: pip install -e '.[lerobot]'"
        ) from error
    return pyarrow, pyarrow.parquet


class FrameTable:
    """Writes <root>/chunk-xxx/file-xxx.parquet, one row group per episode."""

    def __init__(self, root: Path, max_mb: float = MAX_FILE_MB) -> None:
        self.root, self.max_bytes = root, max_mb * 1e6
        self._number = self._bytes = 0
        self._writer: Any = None

    def append(self, values: Values) -> tuple[int, int]:
        """Write the frames of one episode; return the chunk and the file that hold them."""
        pyarrow, parquet = arrow()
        schema = pyarrow.schema([(name, _type(f)) for name, f in (FEATURES | INDICES).items()])
        columns = [_column(values[field.name], field.type) for field in schema]
        table = pyarrow.Table.from_arrays(columns, schema=schema)
        if self._writer is None or self._bytes + table.nbytes > self.max_bytes:
            self.close()
            chunk, file = divmod(self._number, FILES_PER_CHUNK)
            path = self.root / f"{FILE.format(chunk=chunk, file=file)}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = parquet.ParquetWriter(path, schema, compression="snappy")
            self._number, self._bytes = self._number + 1, 0
        self._writer.write_table(table, row_group_size=max(1, len(table)))
        self._bytes += table.nbytes
        return divmod(self._number - 1, FILES_PER_CHUNK)

    def close(self) -> None:
        """Finish the file that is open."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def write_episodes(path: Path, episodes: Sequence[Mapping[str, Any]]) -> None:
    """Write one row per episode; arrays become nested lists."""
    pyarrow, parquet = arrow()
    plain = [{name: _plain(value) for name, value in row.items()} for row in episodes]
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(plain), path, compression="snappy")


def write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """Write the tasks as pandas would a frame of `task_index` that is indexed by the task."""
    pyarrow, parquet = arrow()
    table = pyarrow.table({"task_index": list(range(len(tasks))), "task": list(tasks)})
    column = {"field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"}
    index = {"field_name": "task", "pandas_type": "unicode", "numpy_type": "object"}
    about = {
        "index_columns": ["task"],
        "column_indexes": [
            {"name": None, "field_name": None, "metadata": {"encoding": "UTF-8"}}
            | {"pandas_type": "unicode", "numpy_type": "object"}
        ],
        "columns": [
            {"name": "task_index", "metadata": None, **column},
            {"name": "task", "metadata": None, **index},
        ],
        "pandas_version": "2.0.0",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    table = table.replace_schema_metadata({"pandas": json.dumps(about)})
    parquet.write_table(table, path)


def _type(feature: Feature) -> Any:
    pyarrow, _ = arrow()
    plain = getattr(pyarrow, "bool_" if feature.dtype == "bool" else feature.dtype)()
    return plain if feature.width == 1 else pyarrow.list_(plain, feature.width)


def _column(values: Any, kind: Any) -> Any:
    pyarrow, _ = arrow()
    if isinstance(values, list) or values.ndim == 1:
        return pyarrow.array(values, kind)
    flat = pyarrow.array(np.ascontiguousarray(values).reshape(-1), kind.value_type)
    return pyarrow.FixedSizeListArray.from_arrays(flat, type=kind)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
