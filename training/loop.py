"""The training loop of every stage: seeded, resumable, logged.

Data of step s depends only on (seed, s, worker), so a run that is stopped and started again sees the same batches. The
checkpoint holds model, optimizer and step and is replaced as a whole; the log is one JSON line per `log_every` steps.
Everything is written below `RUNS`: `runs/` here, or the folder that the environment variable POCKET_RUNS names.

`RUNS/pids` lists the running processes, one a line: `kill -STOP` pauses a stage and `kill -CONT` goes on with it.

Started by `torchrun --nproc_per_node N`, N workers average their gradients: on a CPU, N workers of one thread each are
faster than one worker of N threads on models this small.
"""

import atexit
import json
import math
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from torch import distributed
from torch.utils.data import DataLoader, Dataset

RUNS = Path(os.environ.get("POCKET_RUNS") or Path(__file__).parent / "runs")
SAVE_SECONDS = 150
# A pause of one worker must not look like its death to the other.
PATIENCE = timedelta(hours=12)


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
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    if distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision() -> AbstractContextManager:
    """bfloat16 on a CUDA device. On a CPU float32: most emulate bfloat16 products, at a thirtieth of the speed."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if torch.cuda.is_available() else nullcontext()


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


class Batches(Dataset):
    """Batch of step s, for loading processes that work ahead."""

    def __init__(self, stage: str, seed: int, steps: int, batch_of: Callable[[random.Random, float], object]) -> None:
        self.stage, self.seed, self.steps, self.batch_of = stage, seed, steps, batch_of
        self.rank, self.size = workers()

    def __getitem__(self, step: int) -> object:
        rng = rng_of(self.seed, self.stage, step * self.size + self.rank)
        return self.batch_of(rng, step / self.steps)

    def after(self, step: int, loaders: int) -> Iterator[object]:
        """Batches from `step` on. loaders 0: made here, when they are wanted; a GPU waits for that most of the time."""
        ahead = {"num_workers": loaders, "prefetch_factor": 4} if loaders else {}
        return iter(DataLoader(self, sampler=range(step, self.steps), batch_size=None, **ahead))


def train(
    stage: str,
    model: torch.nn.Module,
    schedule: Schedule,
    batch_of: Callable[[random.Random, float], object],
    loss_of: Callable[[torch.nn.Module, object], tuple[torch.Tensor, dict[str, float]]],
    seed: int,
    validate: Callable[[torch.nn.Module], dict[str, float]] | None = None,
    log_every: int = 50,
    validate_every: int = 500,
    loaders: int = 0,
) -> None:
    """Train parameters that require gradients until schedule.steps; AdamW, gradient clip 1.

    batch_of gets the step's own generator and the share of the steps that is done, for curricula.
    """
    rank, size = workers()
    folder = RUNS / stage
    folder.mkdir(parents=True, exist_ok=True)
    register()
    model.to(device())
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(_groups(parameters), lr=schedule.peak, betas=(0.9, 0.98))
    step = _resume(folder, model, optimizer)
    batches = Batches(stage, seed, schedule.steps, batch_of).after(step, loaders)
    window, started, saved = [], time.time(), time.time()
    model.train()
    while step < schedule.steps:
        for group in optimizer.param_groups:
            group["lr"] = schedule.at(step)
        batch = moved(next(batches))
        with precision():
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
        if time.time() - saved > SAVE_SECONDS or step == schedule.steps:
            _save(folder, model, optimizer, step)
            saved = time.time()
        if validate is not None and (step % validate_every == 0 or step == schedule.steps):
            _log(folder, {"step": step, "validation": validated(model, validate)})


def validated(model: torch.nn.Module, validate: Callable[[torch.nn.Module], dict[str, float]]) -> dict[str, float]:
    """The figures of `validate`, taken in evaluation mode."""
    model.eval()
    with torch.no_grad(), precision():
        figures = validate(model)
    model.train()
    return figures


def register() -> None:
    """Write this process into RUNS/pids for as long as it runs, and drop those that are gone."""
    path = RUNS / "pids"

    def rewrite(own: list[str]) -> None:
        listed = path.read_text().split() if path.exists() else []
        alive = [pid for pid in listed if Path(f"/proc/{pid}").exists() and pid != str(os.getpid())]
        path.write_text("".join(f"{pid}\n" for pid in [*alive, *own]))

    rewrite([str(os.getpid())])
    owner = os.getpid()
    atexit.register(lambda: rewrite([]) if os.getpid() == owner else None)


def _groups(parameters: list[torch.nn.Parameter]) -> list[dict]:
    """Weight decay on matrices only: look-back heads live in their biases (see recall.py)."""
    matrices = [p for p in parameters if p.dim() > 1]
    vectors = [p for p in parameters if p.dim() <= 1]
    return [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]


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
