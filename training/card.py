"""The table of the model card from measured figures."""

import math
from typing import NamedTuple

from estimates import Figure

Figures = dict[str, Figure]


class Line(NamedTuple):
    """Where a figure stands in the measured table, and what was wanted of it: at least, at most."""

    what: str
    group: str
    name: str
    least: float | None = None
    most: float | None = None


LINES = (
    Line("base LLM reads unusual colours, two coloured classes", "base_reading", "unusual_2"),
    Line("... three", "base_reading", "unusual_3"),
    Line("... four", "base_reading", "unusual_4", 97),
    Line("... five", "base_reading", "unusual_5"),
    Line("colour, unusual", "colours", "unusual", 65),
    Line("of its errors, the usual colour", "colours", "errors_that_are_the_usual_colour", 60),
    Line("colour, usual", "colours", "usual", 97),
    Line("unusual colour behind its own description", "described_colours", "unusual"),
    Line("... minus the direct answer, points", "described_colours", "unusual_minus_direct"),
    Line('"is there a ..." about unusual things', "unusual_existence", "accuracy", 80),
    Line("relations, yes/no", "relations", "accuracy", 80),
    Line("counts", "counts", "accuracy", 90),
    Line("attributes, yes/no", "attributes", "accuracy"),
    Line("reasoning that names the thing first", "reasoning", "accuracy"),
    Line("own descriptions: object precision", "descriptions", "precision", 93),
    Line("... object recall", "descriptions", "recall", 88),
    Line("... unusual colours right", "descriptions", "unusual_colours", 85),
    Line("... unusual colours told as the usual one", "descriptions", "unusual_said_usual"),
    Line("... usual colours right", "descriptions", "usual_colours"),
    Line("... places right", "descriptions", "places", 80),
    Line("direct-form reasoning from the image", "direct", "seen", None, 50),
    Line("... behind its own description", "direct", "own_description", 75),
    Line("... behind the true description", "direct", "gold_description", 85),
    Line("... own description minus image, points", "direct", "own_minus_seen", 20),
    Line("captions: CHAIR_s", "captions", "chair_s", 25, 35),
    Line("captions: CHAIR_i", "captions", "chair_i"),
    Line("captions: object recall", "captions", "recall", 85),
    Line("CHAIR_s minus the plain model's, points", "against_plain", "chair_s", None, -8),
    Line("object recall minus the plain model's, points", "against_plain", "recall", -2),
    Line("inventions named last", "captions", "inventions_last", 70),
    Line("inventions that are the first absent partner", "captions", "inventions_first_partner", 50),
    Line("POPE accuracy, random", "pope_random", "accuracy"),
    Line("... popular", "pope_popular", "accuracy"),
    Line("... adversarial", "pope_adversarial", "accuracy"),
    Line('false "yes", random', "pope_random", "false_yes"),
    Line("... popular", "pope_popular", "false_yes"),
    Line("... adversarial", "pope_adversarial", "false_yes"),
    Line("adversarial over random, times", "pope_adversarial", "false_yes_to_random", 2),
    Line("true description, image replaced by noise", "reading", "all"),
    Line("... existence", "reading", "existence"),
    Line("... colour", "reading", "colour"),
    Line("... unusual colour", "reading", "unusual_colour"),
    Line("base LLM: usual colour", "base_usual_colour", "accuracy"),
    Line("base LLM on the LVLM's captions: perplexity a token", "base_on_captions", "perplexity"),
    Line("first tokens of invented things with base rank 1", "base_on_captions", "invented_rank_1"),
    Line("... of true things", "base_on_captions", "true_rank_1"),
    Line("... invented over true, times", "base_on_captions", "invented_to_true", 2),
)
SWEPT = (
    ("adversarial_false_yes", 'adversarial false "yes"'),
    ("unusual_answered_usual", "unusual colour answered with the usual one"),
)


def number(value: float) -> str:
    return "-" if math.isnan(value) else "infinite" if math.isinf(value) else f"{value:.1f}"


def told(figure: Figure | None) -> str:
    """"value (low to high)"."""
    return "" if figure is None else f"{number(figure.value)} ({number(figure.low)} to {number(figure.high)})"


def wanted(line: Line, figure: Figure, tuned: bool) -> str:
    """The aim and whether it was missed. A model with an adapter is wanted to be better than the plain one, nothing else."""
    if (line.least is None and line.most is None) or tuned != (line.group == "against_plain"):
        return ""
    bounds = [f"at least {line.least:g}"] if line.least is not None else []
    bounds += [f"at most {line.most:g}"] if line.most is not None else []
    missed = (line.least is not None and not figure.value >= line.least) or (line.most is not None and not figure.value <= line.most)
    if not figure.n:
        return ", ".join(bounds) + ": no cases"
    return ", ".join(bounds) + (": **missed**" if missed else "")


def markdown(usual: dict[str, Figures], other: dict[str, Figures], exports: dict[str, dict[str, float]], tuned: bool) -> str:
    """The figures with 95% intervals, the noise sweep, and how far the graphs equal PyTorch. tuned: with an adapter."""
    rows = ["| what | figure (95% interval) | n | other style | wanted |", "|---|---|---|---|---|"]
    for line in LINES:
        figure = usual.get(line.group, {}).get(line.name)
        if figure is not None:
            beside = told(other.get(line.group, {}).get(line.name))
            rows.append(f"| {line.what} | {told(figure)} | {figure.n:,} | {beside} | {wanted(line, figure, tuned)} |")
    swept = [name for name in usual if name.startswith("noise_")]
    if swept:
        rows += ["", f"| diffusion noise t | {' | '.join(name.removeprefix('noise_') for name in swept)} |", "|---" * (len(swept) + 1) + "|"]
        for name, what in SWEPT:
            figures = [usual[step][name] for step in swept]
            rows.append(f"| {what}, n = {figures[0].n:,} | {' | '.join(map(told, figures))} |")
    if exports:
        rows += ["", "| graphs | float32 = PyTorch | int8 = PyTorch | largest logit difference, float32 |", "|---|---|---|---|"]
        for name, row in exports.items():
            int8 = f"{row['int8_identical']} of {row['n']}" if "int8_identical" in row else "-"
            rows.append(f"| {name} | {row['float32_identical']} of {row['n']} | {int8} | {row['largest_logit_difference']} |")
    return "\n".join(rows) + "\n"
