"""Two readers of frozen tokens: ridge regression on all of them, and attention over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.float64]

PENALTIES = tuple(float(x) for x in np.logspace(-4, 2, 13))
"""Tried relative to the mean diagonal of the kernel; chosen on episodes kept from the fit."""
ATTENTIVE_BATCH, ATTENTIVE_RATE = 128, 3e-3
ATTENTIVE_PASSES, ATTENTIVE_STEPS = 16, (400, 4_000)
"""How often every frame is seen, within least and most steps."""
LOOKS = 10
"""How often the reader is tried on the episodes kept from the fit."""
HEADS = 4
AT_ONCE = 2_000
"""Frames that are in float32 together; tokens may come in bfloat16."""


def ridge(
    train: Tensor, wanted: Mapping[str, Array], chosen_on: NDArray[np.bool_], test: Tensor
) -> dict[str, Array]:
    """Return predictions (T, K) of ridge regression from tokens (F, N, D) to each target (F, K).

    A target's penalty is the best on the rows of the training set that `chosen_on` marks, fitted on
    the others; then everything is fitted with it. In the dual where frames are fewer than features,
    and otherwise in the primal: the same answers. All targets share the work.
    """
    centre, (x, to) = train.mean(0, dtype=torch.float32), (train.flatten(1), test.flatten(1))
    solve = _dual if len(x) <= x.shape[1] else _primal
    chosen, centre = torch.from_numpy(chosen_on), centre.flatten()
    together, ends = np.concatenate([*wanted.values()], axis=1), _ends(wanted)
    tried = solve(x[~chosen], together[~chosen_on], x[chosen], PENALTIES, centre)
    missed = [np.square(guess - together[chosen_on]).mean(0) for guess in tried]
    best = {
        name: PENALTIES[int(np.argmin([errors[at].mean() for errors in missed]))]
        for name, at in ends.items()
    }
    penalties = sorted(set(best.values()))
    found = dict(zip(penalties, solve(x, together, to, penalties, centre), strict=True))
    return {name: found[best[name]][:, at] for name, at in ends.items()}


def _ends(wanted: Mapping[str, Array]) -> dict[str, slice]:
    """Return which columns of all targets side by side are whose."""
    stops = np.cumsum([of.shape[1] for of in wanted.values()]).tolist()
    return {name: slice(a, b) for name, a, b in zip(wanted, [0, *stops[:-1]], stops, strict=True)}


def _dual(
    x: Tensor, wanted: Array, to: Tensor, penalties: Sequence[float], centre: Tensor
) -> list[Array]:
    """Return predictions at `to` (T, features) for each penalty, from x (F, features)."""
    x, to, mean = x.sub(centre).double(), to.sub(centre).double(), wanted.mean(0)
    kernel, across = (x @ x.T).numpy(), (to @ x.T).numpy()
    steady, found = np.eye(len(kernel)), []
    for penalty in penalties:
        strength = penalty * kernel.trace() / len(kernel) + 1e-9
        found.append(across @ np.linalg.solve(kernel + strength * steady, wanted - mean) + mean)
    return found


def _primal(
    x: Tensor, wanted: Array, to: Tensor, penalties: Sequence[float], centre: Tensor
) -> list[Array]:
    """Return what `_dual` does, by as many equations as there are features."""
    mean, features = torch.from_numpy(wanted.mean(0)), x.shape[1]
    gram, moment = torch.zeros(features, features), torch.zeros(features, wanted.shape[1])
    aims = (torch.from_numpy(wanted) - mean).float()
    for part, aim in zip(x.split(AT_ONCE), aims.split(AT_ONCE), strict=True):
        part = part.sub(centre)
        gram.addmm_(part.T, part)
        moment.addmm_(part.T, aim)
    diagonal, found = gram.diagonal().clone(), []
    for penalty in penalties:
        strength = penalty * float(diagonal.sum()) / len(x) + 1e-9
        gram.diagonal().copy_(diagonal + strength)
        factor, failed = torch.linalg.cholesky_ex(gram)
        if failed:  # too small a penalty for float32: as bad as can be
            found.append(np.full((len(to), wanted.shape[1]), np.inf))
            continue
        weights = torch.cholesky_solve(moment, factor)
        parts = [part.sub(centre) @ weights for part in to.split(AT_ONCE)]
        found.append((torch.cat(parts).double() + mean).numpy())
    return found


class AttentiveReader(nn.Module):
    """One learnt query attends to all tokens; a small MLP reads the result."""

    def __init__(self, width: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.query = nn.Parameter(0.02 * torch.randn(1, HEADS, 1, width, generator=generator))
        self.keys, self.values = nn.Linear(width, HEADS * width), nn.Linear(width, width)
        self.read = nn.Sequential(nn.Linear(HEADS * width, width), nn.GELU(),
                                  nn.Linear(width, outputs))  # fmt: skip

    def forward(self, tokens: Tensor) -> Tensor:
        """Return outputs (B, K) of tokens (B, N, D)."""
        batch, count, width = tokens.shape
        keys = self.keys(tokens).view(batch, count, HEADS, width).transpose(1, 2)
        values = self.values(tokens).unsqueeze(1).expand(-1, HEADS, -1, -1)
        query = self.query.expand(batch, -1, -1, -1)
        seen = F.scaled_dot_product_attention(query, keys, values)
        found: Tensor = self.read(seen.flatten(1))
        return found


def attentive(
    train: Tensor,
    wanted: Array,
    chosen_on: NDArray[np.bool_],
    test: Tensor,
    grid: tuple[int, int],
    seed: int,
) -> Array:
    """Return predictions (T, K) of an attentive reader trained on tokens (F, N, D), targets (F, K).

    Kept is the reader that did best on the rows that `chosen_on` marks and that are not trained on;
    if none beats it, the mean. A token's place in the grid (rows, columns) is told by an input of
    its own, as the reader has no other way to know it.
    """
    generator = torch.Generator().manual_seed(seed)
    mean, scale = wanted.mean(0), wanted.std(0) + 1e-6
    centre = train.mean(0, dtype=torch.float32)
    spread = train[:: -(-len(train) // AT_ONCE)].float().std() + 1e-6

    def look(tokens: Tensor) -> Tensor:
        return _placed((tokens - centre) / spread, grid)

    @torch.no_grad()
    def read(tokens: Tensor) -> Array:
        out: Array = torch.cat([reader(look(part)) for part in tokens.split(512)]).double().numpy()
        return out

    aim = torch.from_numpy((wanted - mean) / scale).float()
    chosen = torch.from_numpy(chosen_on)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = AttentiveReader(look(train[:1]).shape[-1], aim.shape[1], generator)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=ATTENTIVE_RATE, weight_decay=0.01)
    kept, lowest = np.zeros((len(test), wanted.shape[1])), float(aim[chosen].square().mean())
    fit, x_chosen = torch.nonzero(~chosen)[:, 0], train[chosen]
    steps = int(np.clip(ATTENTIVE_PASSES * len(fit) // ATTENTIVE_BATCH, *ATTENTIVE_STEPS))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = ATTENTIVE_RATE * (1 - step / steps)
        rows = fit[torch.randint(len(fit), (ATTENTIVE_BATCH,), generator=generator)]
        optimiser.zero_grad()
        F.mse_loss(reader(look(train[rows])), aim[rows]).backward()
        optimiser.step()
        if (step + 1) % max(steps // LOOKS, 1) == 0:
            error = float(np.square(read(x_chosen) - aim[chosen].numpy()).mean())
            if error < lowest:
                lowest, kept = error, read(test)
    predictions: Array = kept * scale + mean
    return predictions


def _placed(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return tokens (F, N, D + 2) with their row and column, in -1 … 1, appended."""
    rows, columns = (torch.linspace(-1, 1, side) for side in grid)
    places = torch.cartesian_prod(rows, columns)[None].expand(len(tokens), -1, -1)
    return torch.cat([tokens, places], dim=-1)
