"""Stage 1: the base LLM, on text alone: knowledge, statements, captions, imageless dialogue, and reading.

    python train_base.py [--steps 1200] [--rows 24] [--threads 2] [--seed 1]

Reading (answering from a description in the prompt, also where it contradicts the usual) is half of the mixture: a
base LLM that cannot copy from its context cannot be grounded by a description later.
"""

import argparse
import random

import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlamaForCausalLM

from loop import RUNS, Schedule, moved, rng_of, train, workers
from model_config import text_config
from packing import Batch, Row, add_dialogue, add_text, collate, tokenizer
from text import DESCRIBED, Dialogue, captions, description_of, knowledge, reading_branches, scene_branches, statement
from world import sample_scene

ROW_TOKENS = 224


def reading_dialogue(rng: random.Random, branches: int) -> Dialogue:
    """Half of the descriptions tell of unbiased scenes, so the answer must be read, not guessed."""
    scene = sample_scene(rng, biased=rng.random() < 0.5)
    description, detailed = description_of(rng, scene)
    return Dialogue(DESCRIBED + description, reading_branches(rng, scene, branches, detailed), scene)


def add_one(rng: random.Random, row: Row, number: int) -> bool:
    kind = rng.random()
    if kind < 0.5:
        return add_dialogue(row, reading_dialogue(rng, 6), number, ROW_TOKENS, 0.1) > 0
    if kind < 0.68:
        return add_dialogue(row, Dialogue("", [knowledge(rng) for _ in range(4)]), number, ROW_TOKENS, 0.1) > 0
    if kind < 0.86:
        scene = sample_scene(rng)
        branches = [*scene_branches(rng, scene, 2, 1.0), captions(rng, scene, 1.0)]
        return add_dialogue(row, Dialogue("", branches), number, ROW_TOKENS, 0.1) > 0
    return add_text(row, " ".join(statement(rng) for _ in range(rng.randint(1, 3))), number, ROW_TOKENS)


def text_row(rng: random.Random) -> Row:
    row = Row()
    number, misses = 0, 0
    while misses < 2 and len(row) < ROW_TOKENS - 20:
        fits = add_one(rng, row, number)
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
    """Teacher-forced whole-answer accuracy of reading, by the kind of question."""
    rng = rng_of(seed, "reading-validation", 0)
    dialogues = [reading_dialogue(rng, 5) for _ in range(60)]
    return exact_answers(dialogues, lambda batch: logits_of(model, batch))


def exact_answers(dialogues: list[Dialogue], logits) -> dict[str, float]:
    """Share of branches whose every answer token is the arg-max under teacher forcing, by question kind."""
    hits: dict[str, list[bool]] = {}
    for dialogue in dialogues:
        for question, answer in dialogue.branches:
            row = Row()
            add_dialogue(row, Dialogue(dialogue.context, [(question, answer)], dialogue.scene, dialogue.image), 0, 999, 0.0)
            batch = moved(collate([row]))
            good = bool((logits(batch).argmax(-1) == batch.target).all())
            hits.setdefault(kind_of(question), []).append(good)
    return {kind: round(sum(h) / len(h), 3) for kind, h in sorted(hits.items())}


def kind_of(question: str) -> str:
    starts = (("How many", "count"), ("Where", "place"), ("What col", "colour"), ("Tell me", "colour"), ("What", "thing"))
    for start, kind in starts:
        if question.startswith(start):
            return kind
    return "attribute" if question.endswith("in this image?") else "existence"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model = LlamaForCausalLM(text_config(tokenizer().get_vocab_size()))
    train(
        "base",
        model,
        Schedule(args.steps, peak=2e-3, warmup=200),
        lambda rng: collate([text_row(rng) for _ in range(args.rows)]),
        loss_of,
        args.seed,
        validate=lambda m: reading_accuracy(m, args.seed),
        validate_every=500,
        save_every=100,
    )
    if workers()[0] == 0:
        model.save_pretrained(RUNS / "base")


if __name__ == "__main__":
    main()
