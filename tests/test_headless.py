"""Which OpenGL is chosen: the user's word first, then EGL, then software."""

from __future__ import annotations

import sys

import pytest

from armchair import headless

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="MUJOCO_GL is Linux's choice"
)


def test_a_choice_already_made_stands() -> None:
    environment = {"MUJOCO_GL": "glfw"}
    assert headless.choose_gl_backend(environment) == "glfw"
    assert environment == {"MUJOCO_GL": "glfw"}


@linux
@pytest.mark.parametrize(("library", "backend"), [("libc.so.6", "egl"), ("libnone.so", "osmesa")])
def test_egl_where_it_loads(library: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headless, "EGL_LIBRARY", library)
    environment: dict[str, str] = {}
    assert headless.choose_gl_backend(environment) == backend
    assert environment == {"MUJOCO_GL": backend}
