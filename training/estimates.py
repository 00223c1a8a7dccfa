"""Figures with their 95% intervals, drawn anew by scene: questions about one scene are not independent."""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

DRAWS = 2000
PERCENT = 100


class Figure(NamedTuple):
    """n: cases. All but n are NaN where there were none."""

    value: float
    low: float
    high: float
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in self._asdict().items()}


class Tally:
    """Hits and cases of one figure, by scene."""

    def __init__(self) -> None:
        self.hits: dict[str, float] = defaultdict(float)
        self.cases: dict[str, float] = defaultdict(float)

    def add(self, scene: str, hit: float, cases: float = 1) -> None:
        self.hits[scene] += hit
        self.cases[scene] += cases

    @property
    def total(self) -> int:
        return round(sum(self.cases.values()))


def share(tally: Tally, scale: float = PERCENT) -> Figure:
    """Hits a case."""
    return _figure([tally], lambda shares: shares[0] * scale, tally.total)


def ratio(first: Tally, second: Tally) -> Figure:
    """Share of the first over that of the second; n is the smaller one's."""
    return _figure([first, second], lambda s: s[0] / s[1], min(first.total, second.total))


def difference(first: Tally, second: Tally) -> Figure:
    """First minus second in points, on the same draws of scenes."""
    return _figure([first, second], lambda s: (s[0] - s[1]) * PERCENT, min(first.total, second.total))


def perplexity(tally: Tally) -> Figure:
    """Of negative log-likelihoods (hits) of tokens (cases)."""
    return _figure([tally], lambda shares: np.exp(shares[0]), tally.total)


def _figure(tallies: list[Tally], statistic: Callable[[list[np.ndarray]], np.ndarray], n: int) -> Figure:
    scenes = sorted({scene for tally in tallies for scene in tally.cases})
    if not scenes:
        return Figure(math.nan, math.nan, math.nan, n)
    drawn = np.random.default_rng(0).multinomial(len(scenes), np.full(len(scenes), 1 / len(scenes)), size=DRAWS)
    weights = np.concatenate([np.ones((1, len(scenes))), drawn])  # the first row is the sample itself
    shares = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for tally in tallies:
            hits = np.array([tally.hits.get(s, 0.0) for s in scenes])
            cases = np.array([tally.cases.get(s, 0.0) for s in scenes])
            shares.append((weights @ hits) / (weights @ cases))
        values = statistic(shares)
    usable = values[1:][~np.isnan(values[1:])]
    low, high = np.percentile(usable, (2.5, 97.5), method="nearest") if len(usable) else (math.nan, math.nan)
    return Figure(*(round(float(v), 2) for v in (values[0], low, high)), n)
