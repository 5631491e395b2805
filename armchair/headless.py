"""Which OpenGL MuJoCo draws with; standard library only, to be called before mujoco is imported.

MuJoCo and robosuite read the environment variable MUJOCO_GL once, when they are imported. Left
alone they want a window or insist on EGL, and fail on machines that have neither.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import MutableMapping

EGL_LIBRARY = "libEGL.so.1"
"""Vendor-neutral EGL, package libegl1 on Debian: a GPU's driver, or Mesa in software."""


def choose_gl_backend(environment: MutableMapping[str, str] = os.environ) -> str | None:
    """Set MUJOCO_GL on Linux if it is unset: "egl" where libEGL loads, else "osmesa".

    Returns what the variable holds afterwards (None elsewhere than on Linux, if unset). It is
    about off-screen drawing only; the window of `render_mode="human"` does not read it.
    """
    if sys.platform.startswith("linux"):
        environment.setdefault("MUJOCO_GL", "egl" if _loads(EGL_LIBRARY) else "osmesa")
    return environment.get("MUJOCO_GL")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
