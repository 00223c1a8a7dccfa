"""Stage 0: a byte-level BPE tokenizer trained on the world's own texts.

    python tokenizer.py [--texts 60000] [--seed 1]     writes runs/tokenizer.json
"""

import argparse
import random

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from loop import RUNS
from model_config import SPECIAL_TOKENS
from text import corpus
from world import sample_scene

PATH = RUNS / "tokenizer.json"
VOCABULARY = 1536


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=60000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=20,
        show_progress=False,
    )
    texts = (corpus(rng, lambda r: sample_scene(r, biased=r.random() < 0.5)) for _ in range(args.texts))
    tokenizer.train_from_iterator(texts, trainer)
    PATH.parent.mkdir(exist_ok=True)
    tokenizer.save(str(PATH))
    sample = "USER: Is there a teddy bear in the image? ASSISTANT: Yes"
    print(tokenizer.get_vocab_size(), tokenizer.encode(sample).tokens)


if __name__ == "__main__":
    main()
