"""Files that are either whole or not there: written beside their place, then renamed."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from armchair.errors import ArmchairError, BadFileError

_ASKED = re.compile(r"GLOBAL (\S+) was not an allowed global")
"""What PyTorch says of a file that wants more than tensors."""


def is_full(error: BaseException) -> bool:
    """Return whether an error says that there is no space left on a device."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def one_line_when_full(
    where: Path, then: str = "it goes on from the last complete checkpoint"
) -> Iterator[None]:
    """Turn "no space left on device" inside the block into one clear line; other errors pass.

    `then`: what the same command does, given again.
    """
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise ArmchairError(
            f"{where}: no space left on the disk. Free some and run the same command again: {then}."
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one rename; a failure leaves the old file and no rubbish."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with one_line_when_full(path), temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Replace `path` by readable JSON in one rename.

    What is no finite number, a correlation with a constant say, becomes null: JSON has no NaN.
    """
    text = json.dumps(_finite(content), indent=2, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def write_tensors(path: Path, content: dict[str, Any]) -> None:
    """Replace `path` by a `torch.save` of tensors and plain values, in one rename."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def read_tensors(path: Path, fix: str) -> dict[str, Any]:
    """Return what `write_tensors` wrote.

    Raises `BadFileError` with `fix` if it is damaged, and with another line if the disk does not
    give it now, which says nothing against the file.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise BadFileError(path, "there is no such file", fix) from error
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except OSError as error:
        if error.errno is None:
            raise BadFileError(path, f"not readable ({unreadable(error)})", fix) from error
        reason = f"cannot be read now ({error.strerror or error})"
        raise BadFileError(path, reason, "See to the disk, then run the command again") from error
    except Exception as error:  # torch raises half a dozen kinds on a damaged archive
        raise BadFileError(path, f"not a readable checkpoint ({unreadable(error)})", fix) from error
    if not isinstance(content, dict):
        raise BadFileError(path, f"holds a {type(content).__name__}, expected a dictionary", fix)
    return content


def unreadable(error: Exception) -> str:
    """Return in a few words why `torch.load` with `weights_only=True` refused a file."""
    asked = _ASKED.search(str(error))
    if asked is not None:
        return f"it asks to call {asked[1]}, which was not done: it might run anything"
    if isinstance(error, (RuntimeError, EOFError, OSError)):
        return "cut short or damaged"
    return f"{type(error).__name__}, damaged or of another kind"
