"""An episode as it happens: frame, goal, energy and the chosen action, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from armchair.evaluation.policies import Policy
from armchair.planners import Decision, GoalImage, Observation

SIZE_INCHES = (9.6, 3.6)
DOTS_PER_INCH = 100  # 960 x 360: both even, as H.264 wants
NAMES = ("x", "y", "z", "roll", "pitch", "yaw", "grip")


class WatchedPolicy:
    """Another policy, with somebody told of every decision as it is made."""

    def __init__(self, policy: Policy, panel: Panel, on_step: Callable[[], None]) -> None:
        self._policy, self._panel, self._on_step = policy, panel, on_step

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        """Take the goal images of a new episode."""
        self._panel.start(goals, switch_steps)
        self._policy.start(goals, switch_steps)

    def act(self, observation: Observation) -> Decision:
        """Return the policy's decision, after it was shown."""
        decision = self._policy.act(observation)
        self._panel.add(observation.frame, decision)
        self._on_step()
        return decision


class Panel:
    """One figure of 960x360 pixels: what is seen, what should be, energies, the action.

    limits: the largest magnitude (7,) of each action entry; zero where nothing is searched.
    """

    def __init__(self, figure: Figure, title: str, limits: NDArray[np.float64]) -> None:
        self.figure: Any = figure
        self._limits = np.where(limits > 0.0, limits, 1.0)
        self._goals: tuple[GoalImage, ...] = ()
        self._switch_steps: tuple[int, ...] = ()
        self._seen: list[float] = []
        self._imagined: list[float] = []
        grid = self.figure.add_gridspec(
            1, 4, width_ratios=(1, 1, 0.9, 0.6), left=0.01, right=0.98, top=0.83, bottom=0.17
        )
        self._axes = [self.figure.add_subplot(grid[0, place]) for place in range(4)]
        self._caption = self.figure.text(0.012, 0.04, "", fontsize=10, family="monospace")
        self.figure.text(0.012, 0.93, title, fontsize=11, weight="bold")

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int]) -> None:
        """Begin a new episode with its goal images."""
        self._goals = tuple(goals)
        self._switch_steps = tuple(switch_steps)
        self._seen, self._imagined = [], []

    def add(self, frame: NDArray[np.uint8], decision: Decision) -> None:
        """Draw the present frame and what was decided."""
        step = len(self._seen)
        goal = self._goals[sum(step >= switch for switch in self._switch_steps)]
        self._seen.append(float("nan") if decision.energy is None else decision.energy)
        self._imagined.append(float("nan") if decision.plan is None else decision.plan.energy)
        for axes, picture, name in zip(
            self._axes, (frame, goal.frame), ("now", "goal image"), strict=False
        ):
            axes.clear()
            axes.imshow(picture)
            axes.set_title(name, fontsize=10)
            axes.set_axis_off()
        self._draw_energies(self._axes[2])
        self._draw_action(self._axes[3], decision.action)
        self._caption.set_text(f"step {step:2d} · planned in {decision.seconds:.2f} s")

    def end(self, frame: NDArray[np.uint8], words: str) -> None:
        """Draw the last frame and how it ended."""
        self._axes[0].clear()
        self._axes[0].imshow(frame)
        self._axes[0].set_axis_off()
        self._caption.set_text(words)

    def _draw_energies(self, axes: Any) -> None:
        axes.clear()
        steps = np.arange(len(self._seen))
        axes.plot(steps, self._seen, "o-", markersize=3, label="frame")
        axes.plot(steps + 1, self._imagined, "D:", markersize=3, label="imagined")
        axes.set_title("energy to the goal", fontsize=10)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=7)

    def _draw_action(self, axes: Any, action: NDArray[np.float64]) -> None:
        axes.clear()
        axes.barh(NAMES, np.asarray(action) / self._limits, color="#1f5fa8")
        axes.set_xlim(-1.05, 1.05)
        axes.invert_yaxis()
        axes.set_title("action / limit", fontsize=10)
        axes.tick_params(labelsize=8)
