"""The card beside a trained model: what it is, what it was made from and how, and its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from armchair.episode import ROWS_PER_SECOND
from armchair.evaluation.provenance import code_version, processor
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.model_files import CARD, CONFIG, WEIGHTS
from armchair.worldmodel.optimisation import atomic

HUB_HEADER = ("---", "license: mit", "library_name: armchair", "pipeline_tag: robotics", "---")
"""What the Hugging Face hub reads of a card."""


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What only the one who trained knows."""

    command: str
    """The verb with its options, as it was called."""
    episodes: Sequence[str]
    """A line for each folder, of `data_lines`."""
    held_out: Sequence[str]
    """The same of held-out episodes."""
    encoder: str
    recipe: Any
    """Frozen dataclass of the whole training configuration."""
    scores: Mapping[str, float]
    """Validation at the end of training."""


def write_card(folder: Path, facts: CardFacts) -> None:
    """Write the card, `README.md`, into a model's folder."""
    atomic.write_bytes(folder / CARD, make_card(folder, facts).encode())


def data_lines(folders: Sequence[Path]) -> list[str]:
    """Return a line of Markdown for each folder of episodes, which are read for it."""
    return [_data(folder) for folder in folders]


def make_card(folder: Path, facts: CardFacts) -> str:
    """Return the card of the model in `folder` as Markdown."""
    config = json.loads((folder / CONFIG).read_text())
    kind = "sandbox: latents in stored units" if config["sandbox"] else "as in the paper"
    held_out = facts.held_out or ["- one in twenty of these, by name"]
    return "\n".join(
        [
            *HUB_HEADER,
            "",
            f"# Model card: `{folder.parent.name}`",
            "",
            f"V-JEPA 2 encoder and action-conditioned predictor ({kind}), made by Armchair.",
            "",
            "## What it is",
            "",
            *(f"- {line}" for line in _sizes(folder)),
            f"- seconds per step: {config['seconds_per_step']:.3f}",
            "",
            "## Data",
            "",
            *facts.episodes,
            "",
            "Held out:",
            "",
            *held_out,
            "",
            "## How it was made",
            "",
            f"- command: `{facts.command}`",
            f"- encoder: `{facts.encoder}`",
            f"- code: {code_version()}",
            f"- machine: {processor()}",
            "",
            "Recipe:",
            "",
            "```json",
            json.dumps(asdict(facts.recipe), indent=1),
            "```",
            "",
            "## Numbers on held-out episodes",
            "",
            "| measure | value |",
            "| --- | ---: |",
            *(f"| {name} | {value:.4g} |" for name, value in facts.scores.items()),
            "",
            "Licence: MIT, as the project; of weights that began from others, theirs too.",
            "",
        ]
    )


def _sizes(folder: Path) -> list[str]:
    counts: dict[str, int] = {}
    with safe_open(folder / WEIGHTS, framework="np") as file:
        for name in file.keys():  # noqa: SIM118  (not a dictionary)
            size = 1
            for length in file.get_slice(name).get_shape():
                size *= length
            part = name.partition(".")[0]
            counts[part] = counts.get(part, 0) + size
    megabytes = (folder / WEIGHTS).stat().st_size / 1e6
    named = [f"{part}: {count / 1e6:.2f}M numbers" for part, count in sorted(counts.items())]
    return [*named, f"on disk: {megabytes:.1f} MB"]


def _data(folder: Path) -> str:
    episodes = DroidEpisodes(folder)
    hours = sum(len(episode) for episode in episodes) / ROWS_PER_SECOND / 3600
    return f"- `{folder}`: {len(episodes)} episodes, {hours:.2f} robot hours"
