"""Patterns for table, walls, floor and objects: grey pictures that a colour tints at run time.

They are compiled in as materials, so that a scene changes its clothes without touching the GL
context. Drawn once from a fixed seed: a pattern is data, not chance.
"""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from armchair.registry import Registry

Grey = NDArray[np.float64]
PIXELS = 128
FLAT, CUBE = "pattern_{}_flat", "pattern_{}_cube"
"""Material names: for one face as wide as a table, and for all six faces of a small thing."""
REPEATS = {"flat": 3.0, "cube": 1.0}
"""How often a pattern repeats over a metre of table or wall, or over a face of a thing."""

PATTERNS: Registry[Callable[[np.random.Generator], Grey]] = Registry("pattern")
"""Each returns a picture (PIXELS, PIXELS) in [0, 1], about 0.8 bright on average."""


@PATTERNS.add("checks")
def _checks(rng: np.random.Generator) -> Grey:
    tiles = np.indices((PIXELS, PIXELS)) // (PIXELS // 4)
    return np.asarray(0.6 + 0.4 * (tiles.sum(axis=0) % 2))


@PATTERNS.add("stripes")
def _stripes(rng: np.random.Generator) -> Grey:
    wave = np.sin(2 * np.pi * 5 * np.arange(PIXELS) / PIXELS)
    return np.tile(np.where(wave > 0, 1.0, 0.6), (PIXELS, 1))


@PATTERNS.add("wood")
def _wood(rng: np.random.Generator) -> Grey:
    grain = _cloud(rng, 4.0, 40.0)
    rings = np.sin(12 * np.pi * (np.arange(PIXELS)[:, None] / PIXELS + 0.15 * grain))
    return np.asarray(0.8 + 0.12 * rings + 0.08 * _cloud(rng, 0.7, 12.0))


@PATTERNS.add("cloud")
def _clouds(rng: np.random.Generator) -> Grey:
    return np.asarray(0.75 + 0.25 * _cloud(rng, 8.0, 8.0))


@PATTERNS.add("speckle")
def _speckle(rng: np.random.Generator) -> Grey:
    return np.where(_cloud(rng, 1.0, 1.0) > 0.35, 0.45, 0.9)


@PATTERNS.add("bricks")
def _bricks(rng: np.random.Generator) -> Grey:
    y, x = np.indices((PIXELS, PIXELS))
    row = y // 16
    joints = (y % 16 < 2) | ((x + 16 * (row % 2)) % 32 < 2)
    tone = rng.uniform(0.7, 0.95, (8, 4))[row, ((x + 16 * (row % 2)) // 32) % 4]
    return np.where(joints, 0.5, tone)


@PATTERNS.add("cloth")
def _cloth(rng: np.random.Generator) -> Grey:
    y, x = np.indices((PIXELS, PIXELS))
    weave = np.sin(np.pi * x / 2) * np.sin(np.pi * y / 2)
    return np.asarray(0.8 + 0.1 * weave + 0.1 * rng.uniform(-1, 1, (PIXELS, PIXELS)))


@PATTERNS.add("patches")
def _patches(rng: np.random.Generator) -> Grey:
    return np.asarray(zoom(rng.uniform(0.5, 1.0, (6, 6)), PIXELS / 6, order=0, mode="wrap"))


def add_patterns(spec: mujoco.MjSpec) -> None:
    """Add every pattern to a scene as two materials; nothing wears them yet."""
    for number, name in enumerate(PATTERNS):
        grey = np.clip(PATTERNS[name](np.random.default_rng(number)), 0.0, 1.0)
        picture = np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=-1)
        _add(spec, FLAT.format(name), picture, "flat")
        _add(spec, CUBE.format(name), np.tile(picture[::2, ::2], (6, 1, 1)), "cube")


def pattern_materials(model: mujoco.MjModel, form: str) -> list[int]:
    """Return the ids of the materials, `form` flat or cube; none where none were compiled in."""
    template = {"flat": FLAT, "cube": CUBE}[form]
    kind = mujoco.mjtObj.mjOBJ_MATERIAL
    ids = [mujoco.mj_name2id(model, kind, template.format(name)) for name in PATTERNS]
    return [number for number in ids if number >= 0]


def _add(spec: mujoco.MjSpec, name: str, picture: NDArray[np.uint8], form: str) -> None:
    cube = form == "cube"
    texture = spec.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_CUBE if cube else mujoco.mjtTexture.mjTEXTURE_2D,
        height=picture.shape[0],
        width=picture.shape[1],
        nchannel=3,
    )
    texture.data = picture.tobytes()
    material = spec.add_material(name=name, texuniform=not cube, texrepeat=[REPEATS[form]] * 2)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name


def _cloud(rng: np.random.Generator, down: float, across: float) -> Grey:
    """Return smooth noise of deviation about 0.35, clipped to [-1, 1], that wraps around."""
    noise = gaussian_filter(rng.normal(size=(PIXELS, PIXELS)), (down, across), mode="wrap")
    return np.asarray(np.clip(0.35 * noise / noise.std(), -1.0, 1.0))
