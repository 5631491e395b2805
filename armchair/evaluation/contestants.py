"""Who plays: the planner under test and the controls that stand beside every task."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, nn

from armchair.envs.spaces import action_space
from armchair.errors import BadValueError
from armchair.evaluation.policies import HoldPolicy, Policy, RandomPolicy
from armchair.planners import (
    ActionBounds,
    LatentDynamics,
    Planner,
    RecedingHorizonAgent,
    load_planner,
    with_options,
)
from armchair.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A name and a way to make a fresh policy for each episode.

    make: from the episode's policy seed; constrained_expert: the task's own within these bounds,
    the only policy that is made from the simulator; free_expert: the simulator drives itself,
    without steps; shuffled: plays with the goal images of another episode. diagnosis: from the
    policy seed and the simulator, for the oracle ladder, which counts for no target.
    """

    name: str
    make: Callable[[int], Policy] | None = None
    constrained_expert: ActionBounds | None = None
    free_expert: bool = False
    shuffled: bool = False
    diagnosis: Callable[[int, Any], Policy] | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is under test; `context_frames` moments are shown to the model, `seed` is the run's."""

    model: LatentDynamics
    planner: Planner
    seed: int = 0
    context_frames: int = 1

    @property
    def bounds(self) -> ActionBounds:
        """How far the planner may move arm and hand in an action, without its rules for when."""
        return replace(
            bounds_of(self.planner), grip_within=float("inf"), release_within=float("inf")
        )

    def agent(self, seed: int, model: LatentDynamics | None = None) -> RecedingHorizonAgent:
        """Return a fresh agent, on another model if one is given."""
        return RecedingHorizonAgent(
            model or self.model, self.planner, seed, context_frames=self.context_frames
        )


def bounds_of(planner: Planner) -> ActionBounds:
    """Return a planner's bounds; the standard ones for a plug-in without ours in its `config`."""
    own = getattr(getattr(planner, "config", None), "bounds", None)
    return own if isinstance(own, ActionBounds) else ActionBounds()


def load_entrant(name: str, options: Sequence[str]) -> Planner:
    """Return a planner by name with settings replaced, whose actions the tasks take.

    Raises as `load_planner`, `with_options` and `check_bounds` do.
    """
    planner = with_options(load_planner(name), options)
    check_bounds(planner)
    return planner


def check_bounds(planner: Planner) -> None:
    """Raise `BadValueError` for bounds beyond what the tasks take in one action."""
    bounds = bounds_of(planner)
    for name, most in zip(
        ("translation", "rotation", "gripper"), action_space().high[[0, 3, 6]], strict=True
    ):
        if (value := getattr(bounds, name)) > most:
            raise BadValueError(
                f"bounds.{name} is {value}, and the tasks take {most:g} in one action: give "
                f"--planner-options bounds.{name}={most:g} or less."
            )


CONTROLS: Registry[Callable[[Entry], Contestant]] = Registry("control")


def planner_under_test(entry: Entry) -> Contestant:
    """Return the entrant itself."""
    return Contestant(name="planner", make=entry.agent)


def select_controls(names: Sequence[str]) -> tuple[str, ...]:
    """Return control names for `all`, `none` or a list; raises `UnknownNameError`."""
    wanted = [part for name in names for part in name.split(",") if part]
    if wanted == ["all"]:
        return ALL_CONTROLS
    if wanted == ["none"]:
        return ()
    if not wanted:
        raise BadValueError("--controls names none: give names, all, or none.")
    for name in wanted:
        CONTROLS[name]
    return tuple(dict.fromkeys(wanted))


@CONTROLS.add("random")
def random_control(entry: Entry) -> Contestant:
    """Uniform actions within the planner's bounds."""
    return Contestant(name="random", make=lambda seed: RandomPolicy(seed, entry.bounds))


@CONTROLS.add("hold")
def hold_control(entry: Entry) -> Contestant:
    """Zero actions."""
    return Contestant(name="hold", make=lambda seed: HoldPolicy())


@CONTROLS.add("shuffled-goal")
def shuffled_goal_control(entry: Entry) -> Contestant:
    """The same planner and model, shown the goal images of another episode."""
    return Contestant(name="shuffled-goal", make=entry.agent, shuffled=True)


@CONTROLS.add("random-predictor")
def random_predictor_control(entry: Entry) -> Contestant:
    """The same planner and encoder with a predictor of random weights."""
    blind = with_random_predictor(entry.model, entry.seed)
    return Contestant(name="random-predictor", make=lambda seed: entry.agent(seed, blind))


@CONTROLS.add("expert")
def expert_control(entry: Entry) -> Contestant:
    """The expert, free: the simulator's own drive to the goal, no steps and no bounds."""
    return Contestant(name="expert", free_expert=True)


@CONTROLS.add("expert-constrained")
def constrained_expert_control(entry: Entry) -> Contestant:
    """The expert within the planner's bounds: is the task solvable as posed?"""
    return Contestant(name="expert-constrained", constrained_expert=entry.bounds)


ALL_CONTROLS = (
    "random",
    "hold",
    "shuffled-goal",
    "random-predictor",
    "expert",
    "expert-constrained",
)


def donor_of(episode: int) -> int:
    """Return the episode whose goal images a shuffled contestant is shown: 0 and 1 swap theirs, 2
    and 3, and so on, however many episodes are played."""
    return episode ^ 1


def with_random_predictor(model: LatentDynamics, seed: int) -> LatentDynamics:
    """Return a copy of the model whose `predictor` has new random weights; the rest is shared.

    Every matrix is drawn anew with deviation 1/sqrt(inputs), the output's too: a network whose
    output starts at zero would be indifferent to actions rather than wrong about them.
    """
    predictor = getattr(model, "predictor", None)
    if not isinstance(predictor, nn.Module):
        raise BadValueError(
            f"{type(model).__name__} has no `predictor` module to re-initialise. "
            "Leave out the control random-predictor: --controls random hold shuffled-goal expert "
            "expert-constrained."
        )
    blind = copy.copy(model)
    if isinstance(blind, nn.Module):  # a shallow copy shares the table of sub-modules
        blind._modules = dict(blind._modules)
    replacement = copy.deepcopy(predictor)
    _draw_weights(replacement, torch.Generator().manual_seed(seed))
    blind.predictor = replacement  # type: ignore[attr-defined]
    return blind


@torch.no_grad()
def _draw_weights(network: nn.Module, generator: Generator) -> None:
    for parameter in network.parameters():
        if parameter.ndim >= 2:
            fan_in = math.prod(parameter.shape[1:])
            noise = torch.randn(parameter.shape, generator=generator) / math.sqrt(fan_in)
            parameter.copy_(noise)
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            module.reset_parameters()
        elif isinstance(bias := getattr(module, "bias", None), nn.Parameter):
            bias.zero_()
