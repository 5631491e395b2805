"""Large files from the network into a cache folder: whole and checked, or one clear line."""

from __future__ import annotations

import hashlib
import json
import os
import re
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import wrap_file

from armchair.errors import ArmchairError, BadFileError
from armchair.worldmodel.optimisation import appended, atomic

CACHE_VARIABLE = "ARMCHAIR_CACHE"
"""Environment variable: folder for downloaded weights."""
TIMEOUT_S = 30
CHUNK = 1 << 20
HUB_FILES = ["config.json", "*.safetensors", "*.safetensors.index.json", "README.md"]
"""All that is taken from a Hugging Face repository: tensors and text, nothing that can run."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def cache_folder() -> Path:
    """Return where downloads are kept: $ARMCHAIR_CACHE or ~/.cache/armchair."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "armchair")


def fetch(url: str, *, size: int | None = None, sha256: str | None = None) -> Path:
    """Return the cached file of a URL, downloaded if it is not there: by one process at a time.

    Size and hash are checked where they are known, also of a file that was put there by hand;
    always, the size against what the server announced. Raises `ArmchairError` when there is no
    network and `BadFileError` for a file that is not what it should be.
    """
    path = cache_folder() / url.rsplit("/", 1)[1]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        with appended.one_writer(path.parent, console.print):
            if not path.exists():  # another process may have fetched it meanwhile
                _download(url, path, size, sha256)
    _check_size(path, size)
    if sha256 is not None:
        _check_hash(path, sha256, url)
    return path


def fetch_repository(repository: str) -> Path:
    """Return the folder of a Hugging Face repository's tensors and texts, downloaded if needed.

    The hub's client holds files against their size alone. Large ones (LFS) lie in its cache under
    the SHA-256 that the hub states: raises `BadFileError` for one of another content.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    try:
        folder = Path(snapshot_download(repository, allow_patterns=HUB_FILES))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ArmchairError(
            f"{repository}: there is no such folder, and no such repository on the Hugging Face "
            "hub. Check the spelling."
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        if atomic.is_full(error):
            raise
        fix = "Fetch its config.json and *.safetensors elsewhere and give their folder."
        what = f"{repository}: no such folder here; taken for a Hugging Face repository"
        raise no_network(what, error, fix) from error
    for path in sorted(folder.iterdir()):
        _check_name(path.resolve())
    return folder


def no_network(what: str, error: Exception, fix: str) -> ArmchairError:
    """Return the one line for something that cannot be fetched."""
    reason = str(getattr(error, "reason", error)).splitlines() or [type(error).__name__]
    return ArmchairError(
        f"{what}: not on this machine, and it cannot be fetched ({reason[0]}). {fix}"
    )


def _download(url: str, path: Path, size: int | None, sha256: str | None) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    digest, written = hashlib.sha256(), 0
    try:
        with (
            atomic.one_line_when_full(path, "it fetches the file anew"),
            urllib.request.urlopen(url, timeout=TIMEOUT_S) as response,
            part.open("wb") as out,
        ):
            announced = response.headers.get("Content-Length")
            total = int(announced) if announced else size
            if size is not None and total != size:
                raise _changed(url, f"{total} bytes are announced, expected {size}")
            console = Console(stderr=True)
            with wrap_file(response, total or 0, description=path.name, console=console) as source:
                while chunk := source.read(CHUNK):
                    out.write(chunk)
                    digest.update(chunk)
                    written += len(chunk)
        if total is not None and written != total:
            raise _damaged(url, f"{written} bytes arrived of {total}")
        if sha256 is not None and digest.hexdigest() != sha256:
            raise _changed(url, f"sha256 {digest.hexdigest()}, expected {sha256}")
        os.replace(part, path)
        _write_note(path, written, digest.hexdigest(), url)
    except (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError) as error:
        fix = (
            f"Fetch it elsewhere and give its path, or put it into {cache_folder()} "
            f"(${CACHE_VARIABLE} chooses another folder)."
        )
        raise no_network(url, error, fix) from error
    finally:
        part.unlink(missing_ok=True)


def _check_size(path: Path, size: int | None) -> None:
    """Raise unless the file is as long as the table, or the note of its download, says."""
    if size is None and _note(path).exists():
        size = _read_note(path)[0]
    if size is not None and path.stat().st_size != size:
        raise _damaged(path, f"{path.stat().st_size} bytes, expected {size}")


def _check_hash(path: Path, sha256: str, url: str) -> None:
    """Raise unless the file has the hash; it is worked out once, and its note tells it after."""
    if _note(path).exists() and _read_note(path)[1] == sha256:
        return
    found = _hash(path)
    if found != sha256:
        raise _damaged(path, f"sha256 {found}, expected {sha256}")
    with suppress(OSError, ArmchairError):  # a folder that may only be read, or a full disk
        _write_note(path, path.stat().st_size, found, url)


def _check_name(blob: Path) -> None:
    """Raise if a file that has a SHA-256 for a name has another one."""
    if _SHA256.fullmatch(blob.name):
        found = _hash(blob)
        if found != blob.name:
            raise _damaged(blob, f"sha256 {found}, expected the one that is its name")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _write_note(path: Path, size: int, sha256: str, url: str) -> None:
    atomic.write_json(_note(path), {"bytes": size, "sha256": sha256, "url": url})


def _read_note(path: Path) -> tuple[int, str]:
    """Return size and hash from the note of a download."""
    try:
        note: dict[str, Any] = json.loads(_note(path).read_text())
        return int(note["bytes"]), str(note["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(
            _note(path),
            f"not the note of a download ({error})",
            f"Delete it, and {path.name} too if it may be cut short.",
        ) from error


def _damaged(what: object, found: str) -> BadFileError:
    return BadFileError(what, found, "Delete the file and fetch it again.")


def _changed(url: str, found: str) -> BadFileError:
    fix = (
        "Fetch it again. If it stays so, it is not the file that was released in 2025: download "
        "it yourself, and if you trust it give its path instead of a name."
    )
    return BadFileError(url, found, fix)
