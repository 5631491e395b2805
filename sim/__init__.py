"""Simulation room: scene, arm, cameras, experts and the DROID-format writer.

May import the vocabulary (`armchair.errors`, `armchair.poses`, `armchair.episode`, …), mujoco and
robosuite; never torch, and nothing from the other rooms. Nothing is imported here, so that the
writer is usable without a simulator.
"""

if not __name__.startswith("armchair."):
    raise ImportError(
        f"this package is armchair.sim, not {__name__!r}: import armchair.sim instead"
    )
