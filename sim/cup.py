"""The cup: wider than the fingers open, so that it must be held by its rim, one finger inside.

Its wall is a ring of flat pieces, because a mesh collides as its convex hull, which would fill the
hollow. Benchmark v1: outer diameter 90–95 mm, wall 3–4 mm, at least 12 pieces, 30–300 g.
"""

from __future__ import annotations

import mujoco
import numpy as np

OUTER_RADIUS_M = 0.04625
WALL_M = 0.0035
BOTTOM_M = 0.004
HEIGHT_M = 0.08
"""Tall enough that the fingers reach 3 cm below the rim without touching the bottom."""
PIECES = 24
"""Even, and one piece faces each of ±x, where the pads press."""
FOOT_M = 0.001
"""The wall ends above the table, so that the bottom alone stands on it: 100 contacts fewer."""
WALL_KG, BOTTOM_KG = 0.09, 0.03
SCALE_RANGE = 0.025
"""Keeps the outer diameter within 90–95 mm and the wall within 3–4 mm."""
HEIGHT_RANGE = 0.15
"""Taller or lower by so much: the fingers still reach their depth without touching the bottom."""
RIM_RADIUS_M = OUTER_RADIUS_M - WALL_M / 2
COLOUR = (0.2, 0.45, 0.8, 1.0)
COLLIDING, DRAWN = 0, 1
"""robosuite's geom groups."""


def add_cup(spec: mujoco.MjSpec) -> None:
    """Add the cup, upright on the table at the origin, with a free joint."""
    body = spec.worldbody.add_body(name="cup_main", pos=[0.5, 0.0, HEIGHT_M / 2])
    body.add_freejoint(name="cup_joint0")
    for group in (COLLIDING, DRAWN):
        _add_bottom(body, group)
        for piece in range(PIECES):
            _add_wall_piece(body, group, piece)


def _add_bottom(body: mujoco.MjsBody, group: int) -> None:
    geom = body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=[OUTER_RADIUS_M - WALL_M / 2, BOTTOM_M / 2, 0],
        pos=[0, 0, (BOTTOM_M - HEIGHT_M) / 2],
    )
    _finish(geom, group, 0, BOTTOM_KG)


def _add_wall_piece(body: mujoco.MjsBody, group: int, piece: int) -> None:
    angle = 2 * np.pi * piece / PIECES
    half_width = OUTER_RADIUS_M * np.tan(np.pi / PIECES)  # neighbours meet on the outside
    geom = body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[WALL_M / 2, half_width, (HEIGHT_M - FOOT_M) / 2],
        pos=[RIM_RADIUS_M * np.cos(angle), RIM_RADIUS_M * np.sin(angle), FOOT_M / 2],
        quat=[np.cos(angle / 2), 0, 0, np.sin(angle / 2)],
    )
    _finish(geom, group, piece + 1, WALL_KG / PIECES)


def _finish(geom: mujoco.MjsGeom, group: int, index: int, mass: float) -> None:
    geom.name = f"cup_g{index}" + ("_vis" if group == DRAWN else "")
    geom.group, geom.rgba = group, COLOUR
    geom.mass = mass if group == COLLIDING else 0.0
    if group == DRAWN:
        geom.contype = geom.conaffinity = 0
