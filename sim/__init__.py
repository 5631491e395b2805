"""Simulation room: scene, arm, cameras, experts and the DROID-format writer.

May import the vocabulary (`armchair.errors`, `armchair.poses`, `armchair.episode`, …), mujoco and
robosuite; never torch, and nothing from the other rooms. No simulator is imported here, so that the
writer is usable without one; only MUJOCO_GL is chosen, because mujoco reads it when it is imported.
"""

import logging
import os

from armchair.headless import choose_gl_backend

if not __name__.startswith("armchair."):
    raise ImportError(
        f"this package is armchair.sim, not {__name__!r}: import armchair.sim instead"
    )

choose_gl_backend()
os.environ.setdefault("LP_NUM_THREADS", "1")  # software GL: parallel workers beat parallel strips
# robosuite warns at every import of extras that nobody here needs.
logging.getLogger("robosuite_logs").addFilter(lambda record: record.levelno > logging.WARNING)
