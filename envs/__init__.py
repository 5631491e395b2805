"""Environment room: Gymnasium tasks over a `Robot`, simulated today, real tomorrow; no torch.

May import the vocabulary and `armchair.sim`. `import armchair` is enough for `gymnasium.make`.
"""

if not __name__.startswith("armchair."):
    raise ImportError(
        f"this package is armchair.envs, not {__name__!r}: import armchair.envs instead"
    )
