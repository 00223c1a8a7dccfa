"""Write an untrained pocket checkpoint: right shapes and tokenizer, random weights.

    python untrained.py --tokenizer runs/tokenizer.json --out runs/untrained [--seed 0]

It stands in for the trained one where only the mechanics matter (engine tests,
timing), and goes through export.py like it.
"""

import argparse
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration

from model_config import llava_config, text_config

# Wide layers and narrow (tied) embeddings: greedy tokens vary instead of repeating the last one.
WEIGHT_STD, EMBEDDING_STD = 0.1, 0.05


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Draw every matrix from a centred normal distribution. Changes ``model``."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                std = EMBEDDING_STD if "embed_tokens" in name else WEIGHT_STD
                parameter.normal_(0.0, std, generator=generator)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="gets llava/ and base/")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(options.tokenizer))
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
