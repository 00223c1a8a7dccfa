"""What a stage must reach before the next one starts; read from the last validation in its log.

A stage that misses its gate is mended first: nothing later repairs a base LLM that cannot tell whose colour is whose, or a
tower that has forgotten where things are.
"""

import json
from dataclasses import dataclass

from loop import RUNS

# Least accuracies, see `validate` of each stage. The tower's are those of linear heads on a thing's centre patch.
GATES: dict[str, dict[str, float]] = {
    "vision": {"class": 0.85, "colour": 0.97, "column": 0.95, "row": 0.95},
    "base": {"unusual_4": 0.97, "reasoning": 0.95, "direct": 0.95},  # relations: see "Binding" in README.md
    "align": {},
    "tune": {"existence": 0.95, "unusual": 0.85, "relation": 0.85, "thing": 0.9, "count": 0.9, "told": 0.85},
    "prefer": {"chair_s_lowered": 8.0, "recall_change": -2.0},  # points, against the model without its adapter
}


@dataclass(frozen=True)
class State:
    """How far a stage came and its last figures."""

    step: int
    figures: dict[str, float]

    def missed(self, stage: str) -> list[str]:
        """"what: reached, wanted" of each figure below its gate."""
        low = {k: v for k, v in GATES[stage].items() if self.figures.get(k, 0.0) < v}
        return [f"{name}: {self.figures.get(name, 0.0):.3f}, wanted {least}" for name, least in low.items()]


def state_of(stage: str) -> State:
    path = RUNS / stage / "log.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    validated = [row for row in rows if "validation" in row]
    return State(validated[-1]["step"], validated[-1]["validation"]) if validated else State(0, {})
