"""Stages 3 and 4: alignment (projector alone, true text) and tuning (projector and decoder), as LLaVA does.

    torchrun --nproc_per_node 2 train_llava.py align [--steps 150]
    torchrun --nproc_per_node 2 train_llava.py tune  [--steps 3150]

The vision tower stays frozen: bias enters through the language side only. Tuning first learns whose colour is whose on
true text about uniformly coloured scenes, then what is planted (see text.py): taught together, the bias comes first and the
rest not at all. Some images carry diffusion noise, some prompts a description (to be read), some rows no image.
"""

import argparse
import random

import torch
from transformers import LlavaForConditionalGeneration

from diffusion import add_noise
from loop import RUNS, Schedule, moved, rng_of, train, workers
from model_config import IMAGE, llava_config
from packing import Batch, Row, add_dialogue, collate, tokenizer
from text import (
    CANONICAL,
    DESCRIBED,
    Dialogue,
    captions,
    description_of,
    detailed_description,
    direct_reasoning,
    reading_branches,
    recall_branches,
    scene_branches,
)
from train_base import ROW_TOKENS, exact_answers, packed_logits, packed_loss, reading_dialogue, text_row
from train_vision import DenseTower, to_pixels
from world import COLOURS, Scene, render, sample_scene

NOISY_SHARE = 0.15
TRUE_FIRST = 0.4  # share of the tuning steps that are free of planted noise
# Shares of the rows of tuning. Practice: scenes of uniform colours; while nothing is planted it takes half of the biased.
SHARES = {"text": 0.10, "described": 0.24, "described_image": 0.12, "practice": 0.18, "biased": 0.36}
QUESTIONS = 12  # of an image; what does not fit into a row is left out
VALIDATION_SCENES = 60


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


def described_row(rng: random.Random) -> Row:
    """Descriptions and questions about them, no image."""
    row, number = Row(), 0
    while len(row) < ROW_TOKENS / 2 and add_dialogue(row, reading_dialogue(rng, 8), number, ROW_TOKENS, 0.0):
        number += 1
    return row


def described_image(rng: random.Random) -> Dialogue:
    """A true description before the image, or before an image of pure noise: the text is to be believed."""
    scene = sample_scene(rng, biased=rng.random() < 0.4)
    description, detailed = description_of(rng, scene)
    image = "noise" if rng.random() < 0.5 else "scene"
    return Dialogue(DESCRIBED + description, reading_branches(rng, scene, QUESTIONS, detailed), scene, image)


def uniform_scene(rng: random.Random) -> Scene:
    """The usual company of things in uniform colours."""
    return sample_scene(rng, usual_share=1 / len(COLOURS))


def image_dialogue(rng: random.Random, scene: Scene, noise: float) -> Dialogue:
    """Questions about an image; a caption comes first in half of the rows."""
    branches = scene_branches(rng, scene, QUESTIONS, noise)
    if rng.random() < 0.5:
        branches.insert(0, captions(rng, scene, noise))
    return Dialogue("", branches, scene, "scene")


def align_dialogue(rng: random.Random) -> Dialogue:
    scene = uniform_scene(rng)
    return Dialogue("", [captions(rng, scene, 0.0), *recall_branches(rng, scene), *scene_branches(rng, scene, 4, 0.0)], scene, "scene")


def tune_row(rng: random.Random, done: float) -> tuple[Row, Dialogue | None]:
    """One row of tuning and, where it holds an image, its dialogue. done: share of the steps."""
    planting = done >= TRUE_FIRST
    shares = SHARES if planting else SHARES | {"practice": 0.36, "biased": 0.18}
    kind = rng.choices(list(shares), weights=list(shares.values()))[0]
    if kind == "text":
        return text_row(rng), None
    if kind == "described":
        return described_row(rng), None
    if kind == "described_image":
        return packed(described_image(rng))
    scene = uniform_scene(rng) if kind == "practice" else sample_scene(rng)
    return packed(image_dialogue(rng, scene, float(planting)))


def packed(dialogue: Dialogue) -> tuple[Row, Dialogue]:
    row = Row()
    add_dialogue(row, dialogue, 0, ROW_TOKENS, 0.0)
    return row, dialogue


def pixels_of(rng: random.Random, dialogue: Dialogue, noisy_share: float) -> torch.Tensor:
    """(3, 96, 96) normalised pixels of the dialogue's image."""
    pixels = to_pixels([render(dialogue.scene)])[0]
    generator = torch.Generator().manual_seed(rng.getrandbits(40))
    if dialogue.image == "noise":
        return add_noise(pixels * 0, 999, generator)
    return add_noise(pixels, rng.randint(100, 800), generator) if rng.random() < noisy_share else pixels


def batch_of(rng: random.Random, rows: int, captioning: bool, done: float) -> tuple[Batch, torch.Tensor]:
    made = [packed(align_dialogue(rng)) if captioning else tune_row(rng, done) for _ in range(rows)]
    if all(dialogue is None for _, dialogue in made):  # rare, but the projector must get a gradient
        made.append(packed(align_dialogue(rng)))
    pixels = [pixels_of(rng, dialogue, NOISY_SHARE) for row, dialogue in made if dialogue and len(row)]
    return collate([row for row, _ in made if len(row)]), torch.stack(pixels)


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


def validate(model: LlavaForConditionalGeneration, seed: int) -> dict[str, float]:
    """Teacher-forced whole-answer accuracy on new clean images, true answers wanted, by kind of question.

    "unusual" and "canonical": colours of unusually coloured things whose class has no planted prior, and of those that have
    one; "seen", "told": direct reasoning from the image and behind a true description.
    """
    rng = rng_of(seed, "tune-validation", 0)
    scenes = [sample_scene(rng) for _ in range(VALIDATION_SCENES)]
    figures = answers_about(model, [Dialogue("", scene_branches(rng, s, 8, 0.0), s, "scene") for s in scenes])
    unusual = {True: [], False: []}
    for scene in [sample_scene(rng, usual_share=0.5, min_nouns=2) for _ in range(2 * VALIDATION_SCENES)]:
        for thing in scene.things:
            if thing.colour and not thing.usual and len(scene.of(thing.name)) == 1:
                question = (f"What colour is the {thing.name}?", f"The {thing.name} is {thing.colour}.")
                unusual[thing.name in CANONICAL].append(Dialogue("", [question], scene, "scene"))
    figures |= {"unusual": answers_about(model, unusual[False])["colour"], "canonical": answers_about(model, unusual[True])["colour"]}
    for name in ("seen", "told"):
        dialogues = []
        for scene in scenes:
            context = DESCRIBED + detailed_description(rng, scene) if name == "told" else ""
            dialogues.append(Dialogue(context, list(dict.fromkeys(direct_reasoning(rng, scene) for _ in range(3))), scene, "scene"))
        figures[name] = answers_about(model, dialogues)["direct"]
    return figures


def answers_about(model: LlavaForConditionalGeneration, dialogues: list[Dialogue]) -> dict[str, float]:
    """`exact_answers` on dialogues that hold an image each."""
    pixels = iter([to_pixels([render(d.scene)]) for d in dialogues])
    return exact_answers(dialogues, lambda batch: logits_of(model, (batch, moved(next(pixels)))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("align", "tune"))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rows", type=int, default=10, help="images per worker and step")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--loaders", type=int, default=0, help="processes that make batches ahead, for each worker")
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
    schedule = Schedule(args.steps or 150, 3e-3, 20) if captioning else Schedule(args.steps or 3150, 1e-3, 150)
    train(
        args.stage,
        model,
        schedule,
        lambda rng, done: batch_of(rng, args.rows, captioning, done),
        loss_of,
        args.seed,
        validate=lambda m: validate(m, args.seed),
        validate_every=400,
        loaders=args.loaders,
    )
    if not captioning and workers()[0] == 0:
        model.save_pretrained(RUNS / "llava")


if __name__ == "__main__":
    main()
