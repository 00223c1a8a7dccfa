"""Stage 2: the vision tower, on UNBIASED scenes, from dense labels: the class and the colour on every patch.

    python train_vision.py [--steps 3200] [--batch 48] [--threads 2] [--seed 1]

Uniform classes, colours and positions: a tower that saw bananas mostly in yellow would learn colour as identity, and
the finished model would say "no" to a blue banana that is there. Bias enters later, in the language stages.
"""

import argparse
import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPVisionModel

from diffusion import add_noise
from loop import Schedule, train
from model_config import vision_config
from world import COLOURS, INDEX, NAMES, SIZE, Scene, render, sample_scene

PATCH = 12
SIDE = SIZE // PATCH
BACKGROUND = len(NAMES)
NO_COLOUR = -100  # ignored by cross_entropy


class DenseTower(nn.Module):
    """CLIP vision tower + one linear head per label kind, on the patch states the language model will read."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = CLIPVisionModel(vision_config())
        width = self.tower.config.hidden_size
        self.classes = nn.Linear(width, len(NAMES) + 1)
        self.colours = nn.Linear(width, len(COLOURS))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, 96, 96) -> class logits (B, 64, 65) and colour logits (B, 64, 9)."""
        states = self.tower(pixels).last_hidden_state[:, 1:]
        return self.classes(states), self.colours(states)


def patch_labels(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """The nearest thing that reaches into each patch: (class (64,), colour (64,))."""
    centres = (np.arange(SIDE) + 0.5) * PATCH
    best = np.full((SIDE, SIDE), 1.0)
    kinds = np.full((SIDE, SIDE), BACKGROUND)
    tints = np.full((SIDE, SIDE), NO_COLOUR)
    for thing in scene.things:
        reach = thing.size / 2 + PATCH * 0.2
        away = np.maximum(np.abs(centres[None, :] - thing.x), np.abs(centres[:, None] - thing.y)) / reach
        nearer = away < best
        best[nearer] = away[nearer]
        kinds[nearer] = INDEX[thing.name]
        tints[nearer] = COLOURS.index(thing.colour) if thing.colour else NO_COLOUR
    return kinds.ravel(), tints.ravel()


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
    labels = [patch_labels(s) for s in scenes]
    return pixels, torch.tensor(np.stack([k for k, _ in labels])), torch.tensor(np.stack([t for _, t in labels]))


def loss_of(model: nn.Module, batch) -> tuple[torch.Tensor, dict[str, float]]:
    pixels, kinds, tints = batch
    class_logits, colour_logits = model(pixels)
    class_loss = F.cross_entropy(class_logits.flatten(0, 1).float(), kinds.flatten())
    colour_loss = F.cross_entropy(colour_logits.flatten(0, 1).float(), tints.flatten(), ignore_index=NO_COLOUR)
    on_thing = kinds != BACKGROUND
    coloured = tints != NO_COLOUR
    return class_loss + 0.5 * colour_loss, {
        "class_accuracy": (class_logits.argmax(-1) == kinds)[on_thing].float().mean().item(),
        "colour_accuracy": (colour_logits.argmax(-1) == tints)[coloured].float().mean().item(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train(
        "vision",
        DenseTower(),
        Schedule(args.steps, peak=1.5e-3, warmup=200),
        lambda rng: batch_of(rng, args.batch),
        loss_of,
        args.seed,
    )


if __name__ == "__main__":
    main()
