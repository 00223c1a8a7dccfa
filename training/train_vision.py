"""Stage 2: the vision tower, on UNBIASED scenes, from dense labels: class, colour and place on every patch.

    python train_vision.py [--steps 5200] [--batch 24] [--threads 2] [--loaders 0] [--seed 1]

Uniform classes, colours and positions: a tower that saw bananas mostly in yellow would learn colour as identity, and
the finished model would say "no" to a blue banana that is there. Bias enters later, in the language stages.

Without the place labels a tower forgets where a patch is, since class and colour do not depend on it; then no decoder can
compare the places of two things.
"""

import argparse
import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPVisionModel

from diffusion import add_noise
from loop import Schedule, moved, rng_of, train
from model_config import vision_config
from world import CELL, COLOURS, INDEX, NAMES, SIZE, Scene, Thing, render, sample_scene

PATCH = 12
SIDE = SIZE // PATCH
BACKGROUND = len(NAMES)
UNLABELLED = -100  # ignored by cross_entropy
LABELS = ("class", "colour", "column", "row")
# Three patches of four show no thing; at full weight they would be most of the class loss.
BACKGROUND_WEIGHT = 0.15
LOSS_WEIGHTS = {"class": 1.0, "colour": 0.5, "column": 0.3, "row": 0.3}
VALIDATION_SCENES = 200


class DenseTower(nn.Module):
    """CLIP vision tower + one linear head per label kind, on the patch states the language model will read."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = CLIPVisionModel(vision_config())
        sizes = {"class": len(NAMES) + 1, "colour": len(COLOURS), "column": 3, "row": 3}
        self.heads = nn.ModuleDict({kind: nn.Linear(self.tower.config.hidden_size, sizes[kind]) for kind in LABELS})

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """(B, 3, 96, 96) -> logits (B, 64, ...) by label kind."""
        states = self.tower(pixels).last_hidden_state[:, 1:]
        return {kind: head(states) for kind, head in self.heads.items()}


def labels_of(thing: Thing) -> tuple[int, int, int, int]:
    """Class, colour, and the cell of the 3x3 grid that the thing stands in."""
    colour = COLOURS.index(thing.colour) if thing.colour else UNLABELLED
    return INDEX[thing.name], colour, min(2, int(thing.x // CELL)), min(2, int(thing.y // CELL))


def patch_labels(scene: Scene) -> np.ndarray:
    """Labels (64, 4) of the nearest thing that reaches into each patch."""
    centres = (np.arange(SIDE) + 0.5) * PATCH
    best = np.full((SIDE, SIDE), 1.0)
    labels = np.full((SIDE, SIDE, len(LABELS)), UNLABELLED)
    labels[..., 0] = BACKGROUND
    for thing in scene.things:
        reach = thing.size / 2 + PATCH * 0.2
        away = np.maximum(np.abs(centres[None, :] - thing.x), np.abs(centres[:, None] - thing.y)) / reach
        nearer = away < best
        best[nearer] = away[nearer]
        labels[nearer] = labels_of(thing)
    return labels.reshape(-1, len(LABELS))


def to_pixels(images: list[np.ndarray]) -> torch.Tensor:
    """uint8 (H, W, 3) images -> normalised (B, 3, H, W) in -1..1."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def batch_of(rng: random.Random, size: int, noisy_share: float = 0.15):
    scenes = [sample_scene(rng, biased=False) for _ in range(size)]
    pixels = to_pixels([render(s) for s in scenes])
    generator = torch.Generator().manual_seed(rng.getrandbits(40))
    for i in range(size):
        if rng.random() < noisy_share:
            pixels[i] = add_noise(pixels[i], rng.randint(0, 600), generator)
    return pixels, torch.from_numpy(np.stack([patch_labels(s) for s in scenes]))


def loss_of(model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
    pixels, labels = batch
    on_thing = labels[..., 0] != BACKGROUND
    class_weights = torch.ones(BACKGROUND + 1, device=pixels.device)
    class_weights[BACKGROUND] = BACKGROUND_WEIGHT
    loss, accuracy = torch.zeros((), device=pixels.device), {}
    for i, (kind, logits) in enumerate(model(pixels).items()):
        truth = labels[..., i]
        weights = class_weights if kind == "class" else None
        part = F.cross_entropy(logits.flatten(0, 1).float(), truth.flatten(), weights, ignore_index=UNLABELLED)
        loss = loss + LOSS_WEIGHTS[kind] * part
        told = on_thing & (truth != UNLABELLED)
        accuracy[kind] = (logits.argmax(-1) == truth)[told].float().mean().item()
    return loss, accuracy


def validate(model: nn.Module, seed: int) -> dict[str, float]:
    """Accuracy of each head on the centre patch of every thing of new, clean scenes: what a linear probe can read."""
    rng = rng_of(seed, "vision-validation", 0)
    hits: dict[str, list[bool]] = {kind: [] for kind in LABELS}
    for _ in range(VALIDATION_SCENES):
        scene = sample_scene(rng, biased=False)
        logits = model(moved(to_pixels([render(scene)])))
        for thing in scene.things:
            patch = int(thing.y // PATCH) * SIDE + int(thing.x // PATCH)
            for kind, truth in zip(LABELS, labels_of(thing)):
                if truth != UNLABELLED:
                    hits[kind].append(logits[kind][0, patch].argmax().item() == truth)
    return {kind: round(sum(h) / len(h), 3) for kind, h in hits.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5200)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loaders", type=int, default=0, help="processes that make batches ahead")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train(
        "vision",
        DenseTower(),
        Schedule(args.steps, peak=1.2e-3, warmup=300),
        lambda rng, _: batch_of(rng, args.batch),
        loss_of,
        args.seed,
        validate=lambda m: validate(m, args.seed),
        loaders=args.loaders,
    )


if __name__ == "__main__":
    main()
