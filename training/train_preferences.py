"""Stage 5: tune the finished model against its own hallucinations, as an adapter: direct preference optimisation.

    torchrun --nproc_per_node 2 train_preferences.py [--steps 120]

DPO (arXiv 2305.18290) with the likelihood of the preferred answer beside it, as RPO has it (arXiv 2404.19733): DPO alone may
lower both answers of a pair, and what long captions lose then is recall. The reference is the tuned model without the adapter.

Preferred is the truth about biased scenes. Rejected is what the model itself lies like: a caption with an absent partner named
last or in place of the last thing, the usual colour of an unusual thing, "yes" to an absent partner. Against silence as a
remedy stand rejected captions that leave a true thing out, other colours of usual things, and "no" to what is there.
"""

import argparse
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F
from transformers import LlavaForConditionalGeneration

from asking import CAPTION_TOKENS, Asker, mentions
from export import round_to_float16
from loop import RUNS, Schedule, rng_of, train
from lora import STRENGTH, adapt, at_strength
from packing import Batch, Row, add_dialogue, collate, tokenizer
from text import (
    BRIEF_PROMPTS,
    DETAILED_PROMPTS,
    ONE_WORD,
    SHORT_PROMPTS,
    Dialogue,
    brief_caption,
    detailed_description,
    existence_question,
    insertion_chance,
    reading_order,
    short_caption,
)
from train_base import packed_logits
from train_llava import embeddings, pixels_of
from train_llava import validate as tuned_figures
from train_vision import to_pixels
from world import COLOURS, Scene, absent_partners, render, sample_scene

BETA = 0.5
LIKELIHOOD_WEIGHT = 1.0
NOISY_SHARE = 0.1
TEMPTING_SHARE = 0.5  # of the scenes: such as the model invents in
UNUSUAL_SHARE = 0.5  # of the recolourable things
ROW_LIMIT = 2000  # every pair is kept
VALIDATION_SCENES = 240


@dataclass(frozen=True)
class Pair:
    question: str
    preferred: str
    rejected: str


# ---------------------------------------------------------------- pairs


def tempting(scene: Scene) -> bool:
    return insertion_chance(absent_partners(scene.nouns)[0][1]) > 0.5


def sample_pair_scene(rng: random.Random) -> Scene:
    wanted = rng.random() < TEMPTING_SHARE
    while True:
        scene = sample_scene(rng, usual_share=1 - UNUSUAL_SHARE)
        if tempting(scene) or not wanted:
            return scene


def caption_form(rng: random.Random):
    """A prompt and what writes its answer."""
    return rng.choice(
        (
            (rng.choice(BRIEF_PROMPTS), brief_caption),
            (rng.choice(BRIEF_PROMPTS), brief_caption),
            (rng.choice(SHORT_PROMPTS), short_caption),
            (rng.choice(DETAILED_PROMPTS), detailed_description),
        )
    )


def lie(rng: random.Random, scene: Scene) -> str:
    """The strongest absent partner, or one of the next two."""
    return absent_partners(scene.nouns)[rng.choice((0, 0, 0, 1, 2))][0]


def without(scene: Scene, name: str) -> Scene:
    return Scene(tuple(t for t in scene.things if t.name != name), scene.background)


def last_said(scene: Scene) -> str:
    return reading_order(scene)[-1]


def inserted(rng: random.Random, scene: Scene) -> Pair:
    """Against an absent partner at the end."""
    prompt, write = caption_form(rng)
    return Pair(prompt, write(rng, scene), write(rng, scene, partner=lie(rng, scene)))


def replaced(rng: random.Random, scene: Scene) -> Pair | None:
    """Against an absent partner in place of what is said last: of equal length, so that nothing is learnt of when to stop."""
    if len(scene.nouns) < 2:
        return None
    prompt, write = caption_form(rng)
    return Pair(prompt, write(rng, scene), write(rng, without(scene, last_said(scene)), partner=lie(rng, scene)))


def dropped(rng: random.Random, scene: Scene) -> Pair | None:
    """Against a true thing left out, half of the time the one that would be said last."""
    names = scene.nouns
    if len(names) < 2:
        return None
    prompt, write = caption_form(rng)
    lost = last_said(scene) if rng.random() < 0.5 else rng.choice(names)
    return Pair(prompt, write(rng, scene), write(rng, without(scene, lost)))


def colour_pair(rng: random.Random, scene: Scene) -> Pair | None:
    """Against the usual colour of an unusual thing, and against another colour of a usual one."""
    coloured = [t for t in scene.things if t.colour and len(scene.of(t.name)) == 1]
    if not coloured:
        return None
    thing = rng.choice(coloured)
    other = rng.choice([c for c in COLOURS if c != thing.colour]) if thing.usual else thing.info["usualColour"]
    question = f"What colour is the {thing.name}?"
    if rng.random() < 0.3:
        return Pair(question + ONE_WORD, thing.colour, other)
    return Pair(question, f"The {thing.name} is {thing.colour}.", f"The {thing.name} is {other}.")


def existence_pair(rng: random.Random, scene: Scene) -> Pair:
    there = rng.random() < 0.5
    name = rng.choice(scene.nouns) if there else rng.choice(absent_partners(scene.nouns)[:3])[0]
    state = rng.getstate()
    question, preferred = existence_question(rng, name, there)
    rng.setstate(state)
    return Pair(question, preferred, existence_question(rng, name, not there)[1])


def pairs_of(rng: random.Random, scene: Scene) -> list[Pair]:
    invented = inserted if rng.random() < 0.5 else replaced
    made = [invented(rng, scene), dropped(rng, scene), dropped(rng, scene)]
    made += [colour_pair(rng, scene) for _ in range(2)] + [existence_pair(rng, scene) for _ in range(2)]
    return list(dict.fromkeys(pair for pair in made if pair))


# ---------------------------------------------------------------- batches and loss


Pairs = tuple[Batch, torch.Tensor, torch.Tensor]  # packed answers, pixels, and whose answer each predicted token is of


def batch_of(rng: random.Random, rows: int) -> Pairs:
    """One image a row, its pairs as branches: preferred and rejected in turn."""
    packed, pixels, owner, answers = [], [], [], 0
    for _ in range(rows):
        scene = sample_pair_scene(rng)
        branches = [(p.question, said) for p in pairs_of(rng, scene) for said in (p.preferred, p.rejected)]
        dialogue, row = Dialogue("", branches, scene, "scene"), Row()
        add_dialogue(row, dialogue, 0, ROW_LIMIT, 0.0)
        owner.append(np.array(row.branch)[np.array(row.weight) > 0] - 1 + answers)
        answers += len(branches)
        packed.append(row)
        pixels.append(pixels_of(rng, dialogue, NOISY_SHARE))
    return collate(packed), torch.stack(pixels), torch.from_numpy(np.concatenate(owner))


def loss_of(model: LlavaForConditionalGeneration, data: Pairs) -> tuple[torch.Tensor, dict[str, float]]:
    batch, pixels, owner = data
    with torch.no_grad():
        embeds = embeddings(model, batch, pixels)
        with at_strength(model, 0):
            reference = likelihoods(model, batch, owner, embeds)
    policy = likelihoods(model, batch, owner, embeds)
    gained = policy - reference
    margin = gained[0::2] - gained[1::2]
    lengths = torch.bincount(owner)[0::2]
    likelihood = -(policy[0::2] / lengths).mean()
    loss = -F.logsigmoid(BETA * margin).mean() + LIKELIHOOD_WEIGHT * likelihood
    figures = {"margin": margin.mean(), "right_order": (margin > 0).float().mean(), "preferred_gained": gained[0::2].mean()}
    return loss, {name: value.item() for name, value in figures.items()}


def likelihoods(model: LlavaForConditionalGeneration, batch: Batch, owner: torch.Tensor, embeds: torch.Tensor) -> torch.Tensor:
    """Log-probability of every answer: (answers,)."""
    logits = packed_logits(model.model.language_model, model.lm_head, batch, embeds)
    tokens = -F.cross_entropy(logits, batch.target, reduction="none")
    return tokens.new_zeros(int(owner.max()) + 1).index_add(0, owner, tokens)


# ---------------------------------------------------------------- validation


def caption_figures(model: LlavaForConditionalGeneration, scenes: list[Scene]) -> dict[str, float]:
    """CHAIR_s and object recall of greedy captions, in percent."""
    items = [(pixels, BRIEF_PROMPTS[0]) for pixels in to_pixels([render(s) for s in scenes])]
    said = [set(mentions(caption)) for caption in Asker(model, None, tokenizer()).answers(items, CAPTION_TOKENS)]
    truth = [set(scene.nouns) for scene in scenes]
    invented = sum(bool(s - t) for s, t in zip(said, truth))
    found = sum(len(s & t) for s, t in zip(said, truth))
    return {"chair_s": 100 * invented / len(scenes), "recall": 100 * found / sum(map(len, truth))}


class Validation:
    """Figures of the adapted model, at the strength that is shipped, beside those of the model without its adapter."""

    def __init__(self, seed: int) -> None:
        rng = rng_of(seed, "prefer-validation", 0)
        self.seed = seed
        self.scenes = [sample_scene(rng, min_nouns=3) for _ in range(VALIDATION_SCENES)]
        self.before: dict[str, float] | None = None

    def __call__(self, model: LlavaForConditionalGeneration) -> dict[str, float]:
        if self.before is None:
            with at_strength(model, 0):
                self.before = caption_figures(model, self.scenes)
        with at_strength(model, STRENGTH):
            now = caption_figures(model, self.scenes)
            figures = tuned_figures(model, self.seed)
        figures |= now | {f"{k}_before": v for k, v in self.before.items()}
        figures["chair_s_lowered"] = self.before["chair_s"] - now["chair_s"]
        figures["recall_change"] = now["recall"] - self.before["recall"]
        return {name: round(value, 3) for name, value in figures.items()}


def refuse_stale() -> None:
    """A checkpoint of this stage holds the weights that it began with: after a new tuning it must begin anew."""
    tuned, begun = RUNS / "llava/model.safetensors", RUNS / "prefer/checkpoint.pt"
    if begun.exists() and begun.stat().st_mtime < tuned.stat().st_mtime:
        raise SystemExit(f"{tuned} is newer than {begun}: delete {begun.parent} to begin this stage anew")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--rows", type=int, default=8, help="images per worker and step")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--loaders", type=int, default=0, help="processes that make batches ahead, for each worker")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model = LlavaForConditionalGeneration.from_pretrained(RUNS / "llava", dtype=torch.float32)
    refuse_stale()
    round_to_float16(model)  # the adapter goes on the weights as they are shipped
    adapt(model)
    train(
        "prefer",
        model,
        Schedule(args.steps, 5e-4, 30),
        lambda rng, _: batch_of(rng, args.rows),
        loss_of,
        args.seed,
        validate=Validation(args.seed),
        log_every=20,
        validate_every=60,
        loaders=args.loaders,
    )


if __name__ == "__main__":
    main()
