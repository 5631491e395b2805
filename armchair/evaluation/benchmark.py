"""Benchmark v1: one task, one planner, its controls, the same episodes for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from armchair.errors import ArmchairError
from armchair.evaluation.arena import ENTRANT, Arena
from armchair.evaluation.contestants import CONTROLS, Contestant, Entry, planner_under_test
from armchair.evaluation.ledger import Ledger
from armchair.evaluation.outcomes import Outcome, Score
from armchair.evaluation.protocol import Protocol
from armchair.evaluation.report import EpisodeRow, TaskReport
from armchair.evaluation.state_goal import state_goal_contestant

__all__ = ["OnEpisode", "Protocol", "RejectedResetsError", "check_rejections", "run_task"]

REJECTED_SHARE = 0.05
"""Above this share of rejected resets a run fails."""


class RejectedResetsError(ArmchairError):
    """Too many scenes were thrown away: the distribution is not the benchmark's."""


OnEpisode = Callable[[str, str, Outcome], None]
"""Called with the task, the contestant and the outcome after every episode."""


def contestants_of(entry: Entry, protocol: Protocol) -> list[Contestant]:
    """Return the planner under test, the controls, and if it is asked for the one that knows the
    goal's state."""
    contestants = [planner_under_test(entry)]
    contestants += [CONTROLS[name](entry) for name in protocol.controls]
    if protocol.state_goal:
        contestants.append(state_goal_contestant(entry, protocol.state_goal))
    return contestants


def run_task(
    name: str, entry: Entry, protocol: Protocol, ledger: Ledger, on_episode: OnEpisode
) -> TaskReport:
    """Play all episodes of a task with the planner and its controls."""
    contestants = contestants_of(entry, protocol)
    outcomes = play_all(name, contestants, protocol, ledger, on_episode)
    entrant = outcomes.pop(ENTRANT)
    return TaskReport(
        score=Score.of(entrant),
        controls={control: Score.of(outcomes[control]) for control in protocol.controls},
        state_goal={
            name: Score.of(played)
            for name, played in outcomes.items()
            if name not in protocol.controls
        },
        per_episode=tuple(EpisodeRow.of(outcome) for outcome in entrant),
    )


def play_all(
    name: str,
    contestants: Sequence[Contestant],
    protocol: Protocol,
    ledger: Ledger,
    on_episode: OnEpisode,
) -> dict[str, list[Outcome]]:
    """Return the outcomes of all episodes by contestant; finished ones come from the ledger."""
    arena = Arena(name, contestants, protocol)
    outcomes: dict[str, list[Outcome]] = {contestant.name: [] for contestant in contestants}
    try:
        for contestant in outcomes:
            for episode in range(protocol.episodes):
                outcome = ledger.find(name, contestant, episode)
                if outcome is None:
                    outcome = arena.play(contestant, episode)
                    ledger.add(name, contestant, episode, outcome)
                outcomes[contestant].append(outcome)
                on_episode(name, contestant, outcome)
    finally:
        arena.close()
    return outcomes


def check_rejections(name: str, task: TaskReport) -> None:
    """Raise `RejectedResetsError` if more than 5 % of all resets were rejected."""
    rejected, accepted = task.score.rejected_resets, task.score.episodes
    if rejected > REJECTED_SHARE * (rejected + accepted):
        raise RejectedResetsError(
            f"{name}: {rejected} of {rejected + accepted} resets were rejected, more than "
            f"{100 * REJECTED_SHARE:.0f} %; the run does not count. Check the expert and the level."
        )
