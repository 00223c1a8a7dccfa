"""The whole recipe in one command: tokenizer, base and vision, alignment, tuning, preferences; gates in between.

    python train_all.py [--seed 1] [--scale 1.0] [--loaders N] [--only STAGE ...]

Give the same command again after a stop: every stage goes on where it was, finished ones are passed over. A stage that
misses its gate (gates.py) ends the run with what was missed; a larger --scale trains it longer. On a CPU base and vision
run side by side and later stages have two workers, one thread each; on a CUDA device the stages run one after the other with
larger batches and loading processes.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch

from gates import state_of
from loop import RUNS

HERE = Path(__file__).parent
CPU = {"base": (5300, 12), "vision": (5200, 24), "align": (150, 16), "tune": (3150, 10), "prefer": (120, 8)}  # steps, rows a worker
CUDA = {"base": (4000, 512), "vision": (6000, 512), "align": (400, 256), "tune": (4000, 512), "prefer": (120, 128)}
SCRIPTS = {
    "base": "train_base.py",
    "vision": "train_vision.py",
    "align": "train_llava.py",
    "tune": "train_llava.py",
    "prefer": "train_preferences.py",
}
ORDER = (("base", "vision"), ("align",), ("tune",), ("prefer",))
TWO_WORKERS = ("align", "tune", "prefer")  # on a CPU


class Recipe:
    """Commands of the stages for this machine."""

    def __init__(self, seed: int, scale: float, loaders: int) -> None:
        self.cuda = torch.cuda.is_available()
        self.seed, self.scale, self.loaders = seed, scale, loaders

    def steps(self, stage: str) -> int:
        return round((CUDA if self.cuda else CPU)[stage][0] * self.scale)

    def command(self, stage: str) -> list[str]:
        rows = (CUDA if self.cuda else CPU)[stage][1]
        start = [sys.executable]
        if stage in TWO_WORKERS and not self.cuda:
            start += ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29511"]
        size = "--batch" if stage == "vision" else "--rows"
        return [
            *start,
            str(HERE / SCRIPTS[stage]),
            *([stage] if SCRIPTS[stage] == "train_llava.py" else []),
            *("--steps", str(self.steps(stage)), size, str(rows)),
            *("--threads", "1", "--loaders", str(self.loaders), "--seed", str(self.seed)),
        ]


def run_together(stages: list[str], recipe: Recipe) -> None:
    """Train what is not finished: on a CPU at the same time, on a CUDA device one after the other."""
    waiting = [stage for stage in stages if state_of(stage).step < recipe.steps(stage)]
    running: list[tuple[str, subprocess.Popen]] = []
    for stage in waiting:
        running.append((stage, subprocess.Popen(recipe.command(stage), cwd=HERE)))
        if recipe.cuda:
            running[-1][1].wait()
    for stage, process in running:
        if process.wait():
            raise SystemExit(f"{stage} ended with status {process.returncode}; give the same command again to go on")


def check(stage: str) -> None:
    state = state_of(stage)
    print(f"{stage} after {state.step} steps: {state.figures}", flush=True)
    missed = state.missed(stage)
    if missed:
        raise SystemExit(f"{stage} missed its gate ({'; '.join(missed)}): train it longer with a larger --scale, or mend it")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the steps of every stage that is not finished")
    parser.add_argument("--loaders", type=int, help="processes that make batches ahead; default 14 with CUDA, else none")
    parser.add_argument("--only", nargs="+", choices=tuple(SCRIPTS), default=list(SCRIPTS))
    args = parser.parse_args()
    loaders = args.loaders if args.loaders is not None else (14 if torch.cuda.is_available() else 0)
    recipe = Recipe(args.seed, args.scale, loaders)
    if not (RUNS / "tokenizer.json").exists():
        subprocess.run([sys.executable, str(HERE / "tokenizer.py"), "--seed", str(args.seed)], cwd=HERE, check=True)
    for stages in ORDER:
        chosen = [stage for stage in stages if stage in args.only]
        run_together(chosen, recipe)
        for stage in chosen:
            check(stage)


if __name__ == "__main__":
    main()
