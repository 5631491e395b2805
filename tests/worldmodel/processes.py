"""Two Python processes, started by `torchrun`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def run_as_two(script: str, folder: Path, seconds: float = 200) -> list[str]:
    """Run a script in both, and return what each printed; both must end well, and in time.

    `torchrun` finds a port for them and, when one fails, ends the other. `folder` is for logs.
    """
    program = folder / "program.py"
    program.write_text(script)
    logs = folder / "logs"
    run = subprocess.Popen(
        [*TORCHRUN, "--local-addr", "127.0.0.1", "--log-dir", logs, "--redirects", "3", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        told = run.communicate(timeout=seconds)[1]
    finally:
        run.terminate()  # which ends both
        run.wait()
    errors = [path.read_text() for path in sorted(logs.glob("*/attempt_0/?/stderr.log"))]
    assert run.returncode == 0, [told, *errors]
    return [path.read_text() for path in sorted(logs.glob("*/attempt_0/?/stdout.log"))]
