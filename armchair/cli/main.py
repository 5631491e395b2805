"""The program `armchair`: finds the verb, parses its options and turns errors into exit codes.

Nothing heavy is imported until a verb is chosen: `armchair --help` reads the verbs' first lines
from their source. A verb is a module of `armchair.cli` that offers a frozen dataclass `Config`
(each field documented, with units) and `run(config) -> None`.

Exit codes: 0 success; 1 a threshold of `evaluate --ci` missed; 2 bad input, in one line on stderr;
130 interrupted. Our own mistakes keep their traceback.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import importlib
import io
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import tyro

import armchair
import armchair.cli
from armchair.errors import ArmchairError, UnknownNameError

BAD_INPUT = 2
INTERRUPTED = 130

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `armchair <verb> <options>` and return the exit code (see the module's first lines)."""
    try:
        return _dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except ArmchairError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        print("\narmchair: interrupted; what was complete before is kept", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if line := _about_the_file_system(error):
            return _complain(line)
        raise


def verbs() -> dict[str, str]:
    """Return every verb and the first line of its module, without importing any."""
    files = [
        Path(folder, f"{module.name}.py")
        for folder in armchair.cli.__path__
        for module in pkgutil.iter_modules([folder])
        if module.name != "main" and not module.name.startswith("_")
    ]
    return {file.stem: _first_line(file) for file in files}


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else BAD_INPUT
    if arguments[0] == "--version":
        print(f"armchair {armchair.__version__}")
        return 0
    verb, *options = arguments
    if verb not in verbs():
        raise UnknownNameError("verb", verb, verbs())
    module = importlib.import_module(f"armchair.cli.{verb}")
    config = _parse(module, verb, options)
    module.run(config)
    return 0


def _parse(module: ModuleType, verb: str, options: list[str]) -> object:
    """Return the verb's Config; raises ArmchairError for a bad value, SystemExit(2) for bad syntax.

    tyro draws a box around a value that `Config.__post_init__` refuses; ours is one line.
    """
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                module.Config,
                prog=f"armchair {verb}",
                description=module.__doc__,
                args=options,
                default=_defaults(module, options),
            )
    except SystemExit as stop:
        for cause in _chain(stop):
            if isinstance(cause, ArmchairError):
                raise cause from None
        sys.stderr.write(complaint.getvalue())
        raise


def _defaults(module: ModuleType, options: list[str]) -> Any:
    """Return what a verb's options start from, where one of them chooses it (`defaults`)."""
    choose = getattr(module, "defaults", None)
    return tyro.MISSING_NONPROP if choose is None else choose(options)


def _overview() -> str:
    return "\n".join(
        [
            "usage: armchair <verb> [options]",
            "",
            "A world-model sandbox for robot arms: the arm thinks before it moves.",
            "",
            *(f"  {name:<10} {summary}" for name, summary in verbs().items()),
            "",
            "`armchair <verb> --help` explains a verb's options, with units.",
        ]
    )


def _first_line(module: Path) -> str:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def _complain(line: str) -> int:
    print(f"armchair: error: {' '.join(line.split())}", file=sys.stderr)
    return BAD_INPUT


def _about_the_file_system(error: BaseException) -> str | None:
    """Return one line if a full disk, a missing permission, or a file where a folder is to be (or
    a folder where a file is) lies behind `error`, else None."""
    for cause in _chain(error):
        os_error = cause if isinstance(cause, OSError) else OSError()
        # Libraries that write through C or Rust keep the words but lose the number.
        if os_error.errno in DISK_FULL or "No space left on device" in str(cause):
            return (
                f"{os_error.filename or 'output'}: the disk is full. What was complete before is "
                "kept; free some space and run the same command again."
            )
        if os_error.errno in NOT_ALLOWED and os_error.filename:
            return f"{os_error.filename}: {os_error.strerror}. Choose a path that you may write to."
        if os_error.errno in IN_THE_WAY and os_error.filename:
            place = os_error.filename2 or os_error.filename
            return f"{place}: {os_error.strerror}. Choose another path, or move what is there."
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


if __name__ == "__main__":
    sys.exit(main())
