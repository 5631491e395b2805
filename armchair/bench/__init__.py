"""Benchmarks of speed: each a ratio against something on the same machine, so that it travels.

Composition: may import every room; only `armchair.cli` imports it.
"""
