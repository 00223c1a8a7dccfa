"""The training loop of every stage: seeded, resumable, logged.

Data of step s depends only on (seed, s), so a run that is stopped and started again sees the same batches. The
checkpoint holds model, optimizer and step; the log is one JSON line per `log_every` steps.
"""

import json
import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

RUNS = Path(__file__).parent / "runs"


@dataclass(frozen=True)
class Schedule:
    steps: int
    peak: float
    warmup: int = 100
    floor: float = 0.05

    def at(self, step: int) -> float:
        """Linear warm-up, then cosine decay to floor * peak."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.peak * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(1, progress))))


def rng_of(seed: int, stage: str, step: int) -> random.Random:
    return random.Random(f"{seed}/{stage}/{step}")


def train(
    stage: str,
    model: torch.nn.Module,
    schedule: Schedule,
    batch_of: Callable[[random.Random], object],
    loss_of: Callable[[torch.nn.Module, object], tuple[torch.Tensor, dict[str, float]]],
    seed: int,
    validate: Callable[[torch.nn.Module], dict[str, float]] | None = None,
    log_every: int = 50,
    save_every: int = 250,
) -> None:
    """Train parameters that require gradients until schedule.steps; bfloat16 autocast, AdamW, gradient clip 1."""
    folder = RUNS / stage
    folder.mkdir(parents=True, exist_ok=True)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=schedule.peak, betas=(0.9, 0.98), weight_decay=0.05)
    step = _resume(folder, model, optimizer)
    device = next(model.parameters()).device.type
    window, started = [], time.time()
    model.train()
    while step < schedule.steps:
        for group in optimizer.param_groups:
            group["lr"] = schedule.at(step)
        batch = batch_of(rng_of(seed, stage, step))
        with torch.autocast(device, dtype=torch.bfloat16):
            loss, metrics = loss_of(model, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        window.append({"loss": loss.item(), **metrics})
        step += 1
        if step % log_every == 0 or step == schedule.steps:
            row = {"step": step, "seconds": round(time.time() - started, 1), "lr": schedule.at(step - 1)}
            row |= {k: round(float(np.mean([w[k] for w in window if k in w])), 4) for k in _keys(window)}
            _log(folder, row)
            window = []
        if step % save_every == 0 or step == schedule.steps:
            _save(folder, model, optimizer, step)
            if validate is not None:
                model.eval()
                with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16):
                    _log(folder, {"step": step, "validation": validate(model)})
                model.train()


def _keys(window: list[dict]) -> list[str]:
    return list(dict.fromkeys(k for w in window for k in w))


def _log(folder: Path, row: dict) -> None:
    print(json.dumps(row), flush=True)
    with (folder / "log.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def _save(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    temporary = folder / "checkpoint.pt.part"
    torch.save({"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, temporary)
    os.replace(temporary, folder / "checkpoint.pt")


def _resume(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> int:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    print(f"{folder.name}: going on at step {state['step']}", flush=True)
    return state["step"]
