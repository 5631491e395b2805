"""Armchair: a simulation-first world-model sandbox for robot arms."""

__version__ = "0.1.0"
