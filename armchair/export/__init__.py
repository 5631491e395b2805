"""DROID-format episodes out to the formats of other libraries; so far LeRobotDataset v3.

Composition: reads through `armchair.worldmodel.data`; only `armchair.cli` imports it. Needs the
extra `lerobot` (pyarrow), not `lerobot` itself.
"""
