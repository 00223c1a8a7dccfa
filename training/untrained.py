"""Write an untrained pocket checkpoint: right shapes and files, random weights.

    python training/untrained.py --corpus README.md --out runs/untrained

It stands in for the trained one where only the mechanics matter (engine tests,
timing). The tokenizer is learnt from the given text, so its vocabulary is small.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration

from model_config import SPECIAL_TOKENS, llava_config, text_config

MAX_VOCABULARY = 1536
WEIGHT_STD = 0.08  # wider than usual, so that greedy tokens vary with the prompt


def placeholder_tokenizer(corpus: list[Path]) -> Tokenizer:
    """Train a byte-level BPE tokenizer with the pocket model's special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=MAX_VOCABULARY,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([str(path) for path in corpus], trainer)
    return tokenizer


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Draw every matrix and embedding from N(0, WEIGHT_STD^2). Changes ``model``."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, WEIGHT_STD, generator=generator)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, nargs="+", required=True, help="English text files")
    parser.add_argument("--out", type=Path, required=True, help="gets llava/ and base/")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    tokenizer = placeholder_tokenizer(options.corpus)
    generator = torch.Generator().manual_seed(options.seed)
    size = tokenizer.get_vocab_size()
    for name, model in (
        ("llava", LlavaForConditionalGeneration(llava_config(size))),
        ("base", LlamaForCausalLM(text_config(size))),
    ):
        randomise(model, generator)
        model.save_pretrained(options.out / name)
        tokenizer.save(str(options.out / name / "tokenizer.json"))


if __name__ == "__main__":
    main()
