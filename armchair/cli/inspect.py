"""Validate a DROID-format folder, ours or real; print a table and draw a contact sheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

from armchair.cli._places import check_file
from armchair.cli._probes import report_probes
from armchair.episode import ROWS_PER_SECOND
from armchair.errors import ArmchairError, BadValueError, check_seed
from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle
from armchair.worldmodel.data.guard import ChildDiedError, Guard
from armchair.worldmodel.data.problems import Problem
from armchair.worldmodel.data.summary import (
    EpisodeFacts,
    EpisodeReport,
    FolderSummary,
    inspect_episode,
    summarise,
)

STATE_ROWS = (
    ("x", "m"),
    ("y", "m"),
    ("z", "m"),
    ("roll", "rad"),
    ("pitch", "rad"),
    ("yaw", "rad"),
    ("gripper", "0 open … 1 closed"),
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair inspect`."""

    folder: tyro.conf.Positional[Path]
    """Data folder, lab folder or one episode's folder."""
    sheet: Path | None = None
    """Where to draw the contact sheet, a PNG: one line of left-camera frames per episode."""
    sheet_episodes: int = 12
    """Lines of the contact sheet."""
    model: str | None = None
    """World model or encoder whose tokens are probed for flange, gripper, object, contact and
    held-or-not, on every fourth episode of the folder: a name (default is the shipped one), a
    folder, a .pt file of Meta's, a relay.safetensors or a Hugging Face hub id."""
    fit: tuple[Path, ...] = ()
    """Folders of other episodes to fit the probes on; then all of PATH is held out. The more
    frames, the better ridge regression does."""
    attentive: bool = True
    """Train the attentive probe as well: most of the time that probing takes."""
    probes: Path | None = None
    """JSON file for the probes' figures."""
    keypoints: Path | None = None
    """Where to draw the keypoints that --relay found, a PNG: on the middle frames of as many
    episodes as the contact sheet has lines."""
    relay: Path | None = None
    """relay.safetensors of a run of `armchair pretrain` with --recipe.change.keypoints."""
    all_cameras: bool = False
    """Draw every camera that was rendered, not the left one alone."""
    timeout_s: float = 300.0
    """Seconds after which an episode that still does not answer counts as damaged."""
    seed: int = 0
    """Of the attentive probe's training; and decides which episodes contact sheet and keypoints
    show where there are more than lines."""

    def __post_init__(self) -> None:
        if self.timeout_s <= 0:
            raise BadValueError(f"--timeout-s {self.timeout_s} must be above 0.")
        check_seed(self.seed)
        if self.sheet_episodes < 1:
            raise BadValueError(f"--sheet-episodes {self.sheet_episodes} must be 1 or more.")
        for option, path in (("--sheet", self.sheet), ("--keypoints", self.keypoints)):
            if path is not None and path.suffix.lower() != ".png":
                raise BadValueError(f"{option} {path}: must end in .png.")
            check_file(option, path)
        check_file("--probes", self.probes)
        if self.model is None and (self.fit or self.probes is not None or not self.attentive):
            raise BadValueError(
                "--fit, --probes and --no-attentive are of the probes of a --model; give one."
            )
        if (self.keypoints is None) != (self.relay is None):
            raise BadValueError("--keypoints and --relay go together; give both or neither.")


def run(config: Config) -> None:
    """Inspect; raises ArmchairError, after the table and the list, if anything is wrong."""
    from armchair.worldmodel.devices import best_device
    from armchair.worldmodel.sources import load_frame_encoder
    from armchair.worldmodel.training.split import check_apart

    episodes = DroidEpisodes(config.folder)
    fit = [handle for folder in config.fit for handle in DroidEpisodes(folder)]
    check_apart(fit, episodes, "--fit", "the folder to test on")
    named = config.model
    encoder = None if named is None else load_frame_encoder(named).to(best_device())
    problems: list[Problem] = []
    good: list[EpisodeHandle] = []
    facts: list[EpisodeFacts] = []
    with Guard(inspect_episode, config.timeout_s) as guard:
        for handle in track(episodes, "inspect", console=Console(stderr=True)):
            report = _report(guard, handle)
            problems += report.problems
            if report.facts is not None:
                good.append(handle)
                facts.append(report.facts)
    console = Console()
    if (summary := summarise(facts)) is not None:
        console.print(_table(summary, len(episodes)))
    if config.sheet is not None and good:
        _draw(good, config, config.sheet)
        console.print(f"contact sheet: {config.sheet}", soft_wrap=True, highlight=False)
    if config.keypoints is not None and config.relay is not None and good:
        _draw_keypoints(_chosen(good, config), config.relay, config.keypoints)
        console.print(f"keypoints: {config.keypoints}", soft_wrap=True, highlight=False)
    for problem in problems:
        console.print(str(problem), soft_wrap=True, markup=False, highlight=False)
    if encoder is not None:
        report_probes(
            config.model,
            encoder,
            good,
            fit,
            config.seed,
            config.probes,
            with_attentive=config.attentive,
        )
    if problems:
        damaged = len(episodes) - len(good)
        raise ArmchairError(
            f"{config.folder}: problems found: {len(problems)}, in {damaged} of {len(episodes)} "
            f"episodes, listed above; the first: {problems[0]}"
        )


def _report(guard: Guard[Path, EpisodeReport], handle: EpisodeHandle) -> EpisodeReport:
    try:
        return guard(handle.path)
    except ChildDiedError as error:
        return EpisodeReport(problems=[Problem(handle.path, str(error))], facts=None)


def _table(summary: FolderSummary, found: int) -> Table:
    table = Table("", "value", "unit", title="Episodes without problems", title_justify="left")
    rows = summary.rows
    table.add_row("episodes", f"{summary.episodes} of {found}", "")
    table.add_row("success", f"{summary.successes}", "")
    table.add_row("failure", f"{summary.episodes - summary.successes}", "")
    table.add_row("duration", f"{summary.seconds / 60:.1f}", "min")
    shortest, longest = (count / ROWS_PER_SECOND for count in (min(rows), max(rows)))
    table.add_row("an episode", f"{shortest:.1f} … {longest:.1f}", "s")
    table.add_row("rows per episode", f"{min(rows)} … {max(rows)}", "at 15 Hz")
    if summary.short:
        table.add_row("too short for V-JEPA 2", f"{summary.short}", "below 33 rows")
    for role, count in summary.rendered.items():
        table.add_row(f"{role} camera", f"{count}" if count else "not rendered", "videos")
    table.add_row("frame size", _counts(summary.sizes), "pixels, by video")
    table.add_row("header's rate", _counts(summary.rates), "fps, by video; rows are 15 Hz")
    if summary.others:
        table.add_row("other datasets", f"up to {summary.others}", "ignored")
    for (name, unit), low, high in zip(STATE_ROWS, summary.low, summary.high, strict=True):
        table.add_row(name, f"{low:.3f} … {high:.3f}", unit)
    return table


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))


def _chosen(handles: list[EpisodeHandle], config: Config) -> list[EpisodeHandle]:
    """Return the episodes that are drawn, by the seed where there are more than lines."""
    count = min(len(handles), config.sheet_episodes)
    chosen = np.random.default_rng(config.seed).choice(len(handles), count, replace=False)
    return [handles[index] for index in sorted(chosen)]


def _draw(handles: list[EpisodeHandle], config: Config, path: Path) -> None:
    import imageio.v3 as imageio

    from armchair.worldmodel.data.sheet import contact_sheet

    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet(_chosen(handles, config), all_cameras=config.all_cameras)
    imageio.imwrite(path, sheet)


def _draw_keypoints(handles: list[EpisodeHandle], relay: Path, path: Path) -> None:
    import imageio.v3 as imageio

    from armchair.worldmodel.pretraining.keypoint_sheet import keypoint_sheet, load_keypoints

    encoder, keypoints = load_keypoints(relay)
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(path, keypoint_sheet(encoder, keypoints, handles))
