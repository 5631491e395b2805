"""DROID-format episodes in: finding, reading and validating them, ours or real; no torch needed.

Reads what `armchair.episode_table` and `armchair.episode_names` describe. `simulation.h5` is not
read here: training never sees it.
"""
