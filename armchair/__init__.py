"""Armchair: a simulation-first world-model sandbox for robot arms.

Importing it registers the tasks with Gymnasium, by name only: no simulator is loaded. (Gymnasium
1.0 gave up the entry points by which plugins registered themselves; an import is its way now.)
"""

__version__ = "0.1.0"

from armchair.envs.registration import register as _register_tasks

_register_tasks()
