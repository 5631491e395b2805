"""World model room: encoder, action-conditioned predictor and how they are trained.

May import the vocabulary (`armchair.errors`, `armchair.poses`, …), torch and transformers; never
mujoco, and nothing from `armchair.planners`, which says by a protocol what it needs from here.
"""

if not __name__.startswith("armchair."):
    raise ImportError(
        f"this package is armchair.worldmodel, not {__name__!r}: import armchair.worldmodel instead"
    )
