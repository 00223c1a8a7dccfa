"""Stages 3 and 4: alignment (projector alone, captions) and tuning (projector and decoder), as LLaVA does.

    torchrun --nproc_per_node 2 train_llava.py align [--steps 120]
    torchrun --nproc_per_node 2 train_llava.py tune  [--steps 3200]

The vision tower stays frozen: bias enters through the language side only. Tuning scenes are biased (see text.py);
some images carry diffusion noise, some prompts a description (to be read), some rows no image at all.
"""

import argparse
import random

import torch
from torch import nn
from transformers import LlavaForConditionalGeneration

from diffusion import add_noise
from loop import RUNS, Schedule, moved, rng_of, train, workers
from model_config import IMAGE, llava_config
from packing import Batch, Row, add_dialogue, collate, tokenizer
from text import DESCRIBED, Dialogue, captions, description_of, reading_branches, scene_branches
from train_base import ROW_TOKENS, exact_answers, packed_logits, packed_loss, text_row
from train_vision import DenseTower, to_pixels
from world import COLOURS, render, sample_scene

NOISY_SHARE = 0.15
# Rows whose scene has uniform colours and noise-free colour answers, so that colour is seen and not only guessed.
PRACTICE_SHARE = 0.15


def assembled() -> LlavaForConditionalGeneration:
    """The trained tower and the trained base LLM in one LLaVA, with a fresh projector."""
    model = LlavaForConditionalGeneration(llava_config(tokenizer().get_vocab_size()))
    tower = DenseTower()
    tower.load_state_dict(torch.load(RUNS / "vision/checkpoint.pt", map_location="cpu", weights_only=True)["model"])
    model.model.vision_tower.load_state_dict(tower.tower.state_dict())
    base = torch.load(RUNS / "base/checkpoint.pt", map_location="cpu", weights_only=True)["model"]
    decoder = {k.removeprefix("model."): v for k, v in base.items() if k.startswith("model.")}
    model.model.language_model.load_state_dict(decoder)
    model.tie_weights()
    model.model.vision_tower.requires_grad_(False)
    return model


def image_dialogue(rng: random.Random, captioning: bool) -> Dialogue:
    """What is asked about one image."""
    if not captioning and rng.random() < 0.14:
        scene = sample_scene(rng, biased=rng.random() < 0.4)
        description, detailed = description_of(rng, scene)
        image = "noise" if rng.random() < 0.5 else "scene"
        return Dialogue(DESCRIBED + description, reading_branches(rng, scene, 7, detailed), scene, image)
    if not captioning and rng.random() < PRACTICE_SHARE:
        scene = sample_scene(rng, usual_share=1 / len(COLOURS))
        return Dialogue("", scene_branches(rng, scene, 9, 0.0), scene, "scene")
    scene = sample_scene(rng)
    if captioning:
        return Dialogue("", [captions(rng, scene, 1.0) for _ in range(3)], scene, "scene")
    branches = scene_branches(rng, scene, 9, 1.0)
    if rng.random() < 0.5:
        branches.insert(0, captions(rng, scene, 1.0))
    return Dialogue("", branches, scene, "scene")


def pixels_of(rng: random.Random, dialogue: Dialogue, noisy_share: float) -> torch.Tensor:
    """(3, 96, 96) normalised pixels of the dialogue's image."""
    pixels = to_pixels([render(dialogue.scene)])[0]
    generator = torch.Generator().manual_seed(rng.getrandbits(40))
    if dialogue.image == "noise":
        return add_noise(pixels * 0, 999, generator)
    return add_noise(pixels, rng.randint(100, 800), generator) if rng.random() < noisy_share else pixels


def batch_of(rng: random.Random, rows: int, captioning: bool) -> tuple[Batch, torch.Tensor]:
    packed, pixels = [], []
    for _ in range(rows):
        if not captioning and rng.random() < 0.1:
            packed.append(text_row(rng))
            continue
        row, dialogue = Row(), image_dialogue(rng, captioning)
        if add_dialogue(row, dialogue, 0, ROW_TOKENS, 0.0):
            packed.append(row)
            pixels.append(pixels_of(rng, dialogue, NOISY_SHARE))
    return collate(packed), torch.stack(pixels)


def embeddings(model: LlavaForConditionalGeneration, batch: Batch, pixels: torch.Tensor) -> torch.Tensor:
    """Token embeddings with the projected patch states in the image slots: (B, L, C)."""
    with torch.no_grad():
        states = model.model.vision_tower(pixels).last_hidden_state[:, 1:]
    features = model.model.multi_modal_projector(states)
    embeds = model.model.language_model.embed_tokens(batch.ids)
    return embeds.masked_scatter((batch.ids == IMAGE)[..., None], features.to(embeds.dtype))


def logits_of(model: LlavaForConditionalGeneration, data: tuple[Batch, torch.Tensor]) -> torch.Tensor:
    batch, pixels = data
    return packed_logits(model.model.language_model, model.lm_head, batch, embeddings(model, batch, pixels))


def loss_of(model: LlavaForConditionalGeneration, data: tuple[Batch, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
    return packed_loss(logits_of(model, data), data[0])


def validate(model: nn.Module, seed: int) -> dict[str, float]:
    """Teacher-forced whole-answer accuracy by kind of question, on clean images with noise-free answers."""
    rng = rng_of(seed, "tune-validation", 0)
    dialogues = [Dialogue("", scene_branches(rng, scene, 8, 0.0), scene, "scene") for scene in (sample_scene(rng) for _ in range(60))]
    answers: dict[str, float] = {}
    pixels = {id(d): moved(to_pixels([render(d.scene)])) for d in dialogues}
    for dialogue in dialogues:
        for kind, share in exact_answers([dialogue], lambda batch: logits_of(model, (batch, pixels[id(dialogue)]))).items():
            answers.setdefault(kind, []).append(share)
    return {kind: round(sum(v) / len(v), 3) for kind, v in answers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("align", "tune"))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rows", type=int, default=16, help="images per worker and step")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model = assembled()
    captioning = args.stage == "align"
    if captioning:
        model.requires_grad_(False)
        model.model.multi_modal_projector.requires_grad_(True)
    else:
        model.load_state_dict(torch.load(RUNS / "align/checkpoint.pt", map_location="cpu", weights_only=True)["model"])
    schedule = Schedule(args.steps or 120, 3e-3, 20) if captioning else Schedule(args.steps or 3200, 1.2e-3, 100)
    train(
        args.stage,
        model,
        schedule,
        lambda rng: batch_of(rng, args.rows, captioning),
        loss_of,
        args.seed,
        validate=None if captioning else lambda m: validate(m, args.seed),
        validate_every=400,
    )
    if not captioning and workers()[0] == 0:
        model.save_pretrained(RUNS / "llava")


if __name__ == "__main__":
    main()
