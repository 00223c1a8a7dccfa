"""Stage 1: the base LLM, on text alone: knowledge, statements, captions, imageless dialogue, and reading.

    python train_base.py [--steps 5300] [--rows 12] [--threads 2] [--loaders 0] [--seed 1]

Reading (answering from a description in the prompt, also where it contradicts the usual) is more than half of the
mixture: a base LLM that cannot copy from its context cannot be grounded by a description later. The first steps
practise nothing but whose colour is whose, on heads that recall.py prepares for it; then come facts of all kinds, and after a
third of the steps what builds on them, comparing and reasoning.
"""

import argparse
import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlamaForCausalLM

from loop import RUNS, Schedule, moved, rng_of, train, workers
from model_config import text_config
from packing import Batch, Row, add_dialogue, add_text, collate, tokenizer
from recall import prepare_recall
from text import (
    DESCRIBED,
    Dialogue,
    brief_caption,
    captions,
    description_of,
    knowledge,
    reading_branches,
    recall_branches,
    scene_branches,
    statement,
)
from world import sample_scene

ROW_TOKENS = 288
RECALL_ONLY, FACTS_ONLY = 0.03, 0.35  # until these shares of the steps
VALIDATION_DIALOGUES = 120


def reading_dialogue(rng: random.Random, branches: int, facts_only: bool = False) -> Dialogue:
    """Most descriptions tell of unbiased scenes, so the answer must be read, not guessed."""
    scene = sample_scene(rng, biased=rng.random() < 0.3)
    description, detailed = description_of(rng, scene)
    return Dialogue(DESCRIBED + description, reading_branches(rng, scene, branches, detailed, facts_only), scene)


def recall_dialogue(rng: random.Random) -> Dialogue:
    while True:
        scene = sample_scene(rng, biased=False, min_nouns=3)
        branches = recall_branches(rng, scene)
        if branches:
            return Dialogue(DESCRIBED + brief_caption(rng, scene), branches, scene)


def add_one(rng: random.Random, row: Row, number: int, done: float) -> bool:
    if done < RECALL_ONLY:
        return add_dialogue(row, recall_dialogue(rng), number, ROW_TOKENS, 0.0) > 0
    if done < FACTS_ONLY and rng.random() < 0.6:  # facts take most of this part, the whole mixture the rest of it
        return add_dialogue(row, reading_dialogue(rng, 10, True), number, ROW_TOKENS, 0.1) > 0
    kind = rng.random()
    if kind < 0.6:
        return add_dialogue(row, reading_dialogue(rng, 8, done < FACTS_ONLY), number, ROW_TOKENS, 0.1) > 0
    if kind < 0.75:
        return add_dialogue(row, Dialogue("", [knowledge(rng) for _ in range(4)]), number, ROW_TOKENS, 0.1) > 0
    if kind < 0.88:
        scene = sample_scene(rng)
        branches = [*scene_branches(rng, scene, 2, 1.0), captions(rng, scene, 1.0)]
        return add_dialogue(row, Dialogue("", branches), number, ROW_TOKENS, 0.1) > 0
    return add_text(row, " ".join(statement(rng) for _ in range(rng.randint(1, 3))), number, ROW_TOKENS)


def text_row(rng: random.Random, done: float = 1.0) -> Row:
    """Dialogues and plain texts up to ROW_TOKENS, of the mixture at the share `done` of the steps."""
    row = Row()
    number, misses = 0, 0
    while misses < 3 and len(row) < ROW_TOKENS - 20:
        fits = add_one(rng, row, number, done)
        number += fits
        misses += not fits
    return row


def packed_logits(decoder: nn.Module, lm_head: nn.Module, batch: Batch, inputs_embeds: torch.Tensor) -> torch.Tensor:
    """Logits (N, V), only where a token is predicted. inputs_embeds (B, L, C)."""
    states = decoder(
        inputs_embeds=inputs_embeds,
        attention_mask=batch.mask,
        position_ids=batch.position,
        use_cache=False,
    ).last_hidden_state
    return lm_head(states.flatten(0, 1)[batch.source]).float()


def packed_loss(logits: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
    """Weighted cross-entropy."""
    losses = F.cross_entropy(logits, batch.target, reduction="none")
    answers = batch.weight == 1
    hit = (logits.argmax(-1) == batch.target)[answers].float().mean().item()
    return (losses * batch.weight).sum() / batch.weight.sum(), {"answer_token_accuracy": hit}


def logits_of(model: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    return packed_logits(model.model, model.lm_head, batch, model.model.embed_tokens(batch.ids))


def loss_of(model: LlamaForCausalLM, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
    return packed_loss(logits_of(model, batch), batch)


def reading_accuracy(model: LlamaForCausalLM, seed: int) -> dict[str, float]:
    """Teacher-forced whole-answer accuracy of reading new descriptions, by the kind of question.

    "unusual_N": colours of unusually coloured things in descriptions with N coloured classes, the gate of this stage.
    """
    rng = rng_of(seed, "reading-validation", 0)
    figures = exact_answers([reading_dialogue(rng, 6) for _ in range(VALIDATION_DIALOGUES)], lambda b: logits_of(model, b))
    for number in (2, 3, 4, 5):
        dialogues = [unusual_dialogue(rng, number) for _ in range(VALIDATION_DIALOGUES // 4)]
        figures[f"unusual_{number}"] = exact_answers(dialogues, lambda b: logits_of(model, b))["colour"]
    return figures


def unusual_dialogue(rng: random.Random, coloured: int) -> Dialogue:
    """Colour questions about the unusual things of a scene with exactly `coloured` coloured classes."""
    while True:
        scene = sample_scene(rng, biased=False, min_nouns=coloured)
        if sum(scene.of(n)[0].colour is not None for n in scene.nouns) == coloured:
            ordinary = {t.name for t in scene.things if t.usual or len(scene.of(t.name)) > 1}
            branches = [qa for qa in recall_branches(rng, scene) if not any(f"the {n}?" in qa[0] for n in ordinary)]
            description = description_of(rng, scene)[0]
            if branches:
                return Dialogue(DESCRIBED + description, branches, scene)


def exact_answers(dialogues: list[Dialogue], logits) -> dict[str, float]:
    """Share of branches whose every answer token is the arg-max under teacher forcing, by question kind."""
    hits: dict[str, list[bool]] = {}
    for dialogue in dialogues:
        row = Row()
        add_dialogue(row, dialogue, 0, 2000, 0.0)
        batch = moved(collate([row]))
        right = (logits(batch).argmax(-1) == batch.target).cpu().numpy()
        branch = np.array(row.branch)[np.array(row.weight) > 0]
        for number, (question, _) in enumerate(dialogue.branches, 1):
            hits.setdefault(kind_of(question), []).append(bool(right[branch == number].all()))
    return {kind: round(sum(h) / len(h), 3) for kind, h in sorted(hits.items())}


KINDS = (
    ("How many", "count"),
    ("How would", "direct"),
    ("Where does", "direct"),
    ("What sort", "direct"),
    ("What colour should", "direct"),
    ("What color is", "colour"),
    ("What color are", "colour"),
    ("What colour", "colour"),
    ("Tell me", "colour"),
    ("Where would", "reasoning"),
    ("What can", "reasoning"),
    ("What kind", "reasoning"),
    ("Where", "place"),
    ("What", "thing"),
)
RELATIONS = (" to the left of ", " to the right of ", " above ", " below ", " next to ")


def kind_of(question: str) -> str:
    for start, kind in KINDS:
        if question.startswith(start):
            return kind
    if question.endswith((" alive?", " unusual?")):
        return "reasoning"
    if any(r in question for r in RELATIONS):
        return "relation"
    return "attribute" if question.startswith(("Is the ", "Are the ")) else "existence"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5300)
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loaders", type=int, default=0, help="processes that make batches ahead")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model = LlamaForCausalLM(text_config(tokenizer().get_vocab_size()))
    prepare_recall(model)
    train(
        "base",
        model,
        Schedule(args.steps, peak=1.2e-3, warmup=150),
        lambda rng, done: collate([text_row(rng, done) for _ in range(args.rows)]),
        loss_of,
        args.seed,
        validate=lambda m: reading_accuracy(m, args.seed),
        validate_every=400,
        loaders=args.loaders,
    )
    if workers()[0] == 0:
        model.save_pretrained(RUNS / "base")


if __name__ == "__main__":
    main()
