"""The training loop of every stage: seeded, resumable, logged.

Data of step s depends only on (seed, s, worker), so a run that is stopped and started again sees the same batches. The
checkpoint holds model, optimizer and step; the log is one JSON line per `log_every` steps.

Started by `torchrun --nproc_per_node N`, N workers average their gradients: on a CPU, N workers of one thread each are
faster than one worker of N threads on models this small.
"""

import json
import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
import torch
from torch import distributed

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


def workers() -> tuple[int, int]:
    """(rank, how many) of data-parallel workers; (0, 1) unless started by torchrun."""
    if "WORLD_SIZE" in os.environ and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def moved(data):
    """Tensors, and tuples or data classes of them, on the training device."""
    if isinstance(data, torch.Tensor):
        return data.to(device())
    if isinstance(data, tuple):
        return tuple(moved(part) for part in data)
    if is_dataclass(data):
        return type(data)(**{f.name: moved(getattr(data, f.name)) for f in fields(data)})
    return data


def average_gradients(parameters: list[torch.nn.Parameter], size: int) -> None:
    """One all-reduce of all gradients: on small models cheaper than overlapping many."""
    if size == 1:
        return
    flat = torch.cat([p.grad.flatten() for p in parameters])
    distributed.all_reduce(flat)
    flat /= size
    offset = 0
    for p in parameters:
        p.grad.copy_(flat[offset : offset + p.numel()].view_as(p))
        offset += p.numel()


def train(
    stage: str,
    model: torch.nn.Module,
    schedule: Schedule,
    batch_of: Callable[[random.Random], object],
    loss_of: Callable[[torch.nn.Module, object], tuple[torch.Tensor, dict[str, float]]],
    seed: int,
    validate: Callable[[torch.nn.Module], dict[str, float]] | None = None,
    log_every: int = 50,
    save_every: int = 100,
    validate_every: int = 500,
) -> None:
    """Train parameters that require gradients until schedule.steps; bfloat16 autocast, AdamW, gradient clip 1."""
    rank, size = workers()
    folder = RUNS / stage
    folder.mkdir(parents=True, exist_ok=True)
    model.to(device())
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=schedule.peak, betas=(0.9, 0.98), weight_decay=0.05)
    step = _resume(folder, model, optimizer)
    window, started = [], time.time()
    model.train()
    while step < schedule.steps:
        for group in optimizer.param_groups:
            group["lr"] = schedule.at(step)
        batch = moved(batch_of(rng_of(seed, stage, step * size + rank)))
        with torch.autocast(device().type, dtype=torch.bfloat16):
            loss, metrics = loss_of(model, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(parameters, size)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        window.append({"loss": loss.item(), **metrics})
        step += 1
        if rank > 0:
            continue
        if step % log_every == 0 or step == schedule.steps:
            row = {"step": step, "seconds": round(time.time() - started, 1), "lr": schedule.at(step - 1)}
            row |= {k: round(float(np.mean([w[k] for w in window if k in w])), 4) for k in _keys(window)}
            _log(folder, row)
            window = []
        if step % save_every == 0 or step == schedule.steps:
            _save(folder, model, optimizer, step)
        if validate is not None and (step % validate_every == 0 or step == schedule.steps):
            model.eval()
            with torch.no_grad(), torch.autocast(device().type, dtype=torch.bfloat16):
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
