"""What the finger pads are made of, for any hand: friction, contact stiffness."""

from __future__ import annotations

from collections.abc import Collection

import mujoco

FRICTION = (1.2, 0.01, 0.0005)
"""Sliding (no unit), torsional and rolling (metres): silicone; benchmark v1 allows 1.5."""
CONDIM = 4
"""Contacts resist turning about their normal, as a soft pad's patch does."""
SOLREF, SOLIMP = (0.01, 1.0), (0.95, 0.99, 0.001, 0.5, 2.0)
"""Time constant of six physics steps, little creep."""


def soften(spec: mujoco.MjSpec, names: Collection[str]) -> None:
    """Make pads of the named geoms; their friction rules whatever they touch."""
    for geom in spec.geoms:
        if geom.name in names:
            geom.friction, geom.condim, geom.priority = list(FRICTION), CONDIM, 1
            geom.solref[:2], geom.solimp = list(SOLREF), list(SOLIMP)
