"""Named tensors from files into modules, with an error that names file, tensor, shapes and fix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from armchair.errors import BadFileError

FORMATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
"""What weights are stored in."""


def read_safetensors(path: Path, fix: str) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file; raises `BadFileError` if it is cut short."""
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise BadFileError(path, "there is no such file", fix) from error
    except (OSError, SafetensorError) as error:
        raise BadFileError(path, f"not a whole safetensors file ({error})", fix) from error


@contextmanager
def made_as_stated(path: Path, fix: str) -> Iterator[None]:
    """Turn what torch raises inside the block, where a network is made of the size that a config
    at `path` states, into `BadFileError`: sizes beyond all memory, say."""
    try:
        yield
    except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        found = f"no network of the size that it states can be made ({reason})"
        raise BadFileError(path, found, fix) from error


def check_plain(tensors: Mapping[str, Tensor], source: object, fix: str) -> None:
    """Raise `BadFileError` for the first tensor that is anything but numbers in a known format."""
    for name, tensor in tensors.items():
        plain = tensor.layout == torch.strided and not (tensor.is_nested or tensor.is_meta)
        if tensor.dtype not in FORMATS or not plain:
            kind = f"{tensor.dtype}, {tensor.layout}, on {tensor.device}"
            found = f"tensor {name} is {kind}; expected plain floating-point numbers"
            raise BadFileError(source, found, fix)


def fill(module: nn.Module, tensors: Mapping[str, Tensor], source: object, fix: str) -> None:
    """Copy tensors into a module, cast to its number formats; names and shapes must match exactly,
    and all numbers be finite.

    Raises `BadFileError` that names `source`, the first tensor that does not fit, and `fix`.
    """
    wanted = module.state_dict()
    for name in sorted(wanted.keys() - tensors.keys()):
        raise BadFileError(source, f"tensor {name} {_shape(wanted[name])} is missing", fix)
    for name in sorted(tensors.keys() - wanted.keys()):
        nowhere = f"tensor {name} {_shape(tensors[name])} has no place in this architecture"
        raise BadFileError(source, nowhere, fix)
    given = {
        name: tensor for name, tensor in tensors.items() if not _both_meta(tensor, wanted[name])
    }
    check_plain(given, source, fix)
    for name, target in wanted.items():
        if tensors[name].shape != target.shape:
            shapes = f"shape {_shape(tensors[name])}, expected {_shape(target)}"
            raise BadFileError(source, f"tensor {name} has {shapes}", fix)
    for name, tensor in given.items():
        if not tensor.isfinite().all():
            found = f"tensor {name} holds numbers that are infinite or none (nan)"
            raise BadFileError(source, found, fix)
    with torch.no_grad():
        for name, target in wanted.items():
            target.copy_(tensors[name])


def _both_meta(tensor: Tensor, target: Tensor) -> bool:
    """Return whether there are no numbers on either side, as where shapes alone are tried."""
    return tensor.is_meta and target.is_meta


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
