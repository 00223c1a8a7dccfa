"""Compare the adapter files of an export with the model that was trained, prompt by prompt.

    python verify_adapter.py ../pocket --trained runs/prefer [--peft] [--limit 100]

Greedy answers to questions and captions of the dev split: of the trained model with its adapter in float32 beside its weights,
and of OUT/llava with the float16 adapter of OUT/tuned merged. --peft lets the peft library load and merge the files instead
(`pip install peft`; nothing else here needs it).
"""

import argparse
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlavaForConditionalGeneration

from asking import CAPTION_TOKENS, Asker, Pocket
from lora import STRENGTH, adapt, at_strength, merge_adapter

SETS = ("captions", "pope_adversarial", "colours", "counts")


def llava(folder: Path) -> LlavaForConditionalGeneration:
    return LlavaForConditionalGeneration.from_pretrained(folder / "llava", dtype=torch.float32).eval()


def trained(folder: Path, stage: Path) -> LlavaForConditionalGeneration:
    model = llava(folder)
    adapt(model)
    model.load_state_dict(torch.load(stage / "checkpoint.pt", map_location="cpu", weights_only=True)["model"])
    return model.eval()


def merged(folder: Path, with_peft: bool) -> LlavaForConditionalGeneration:
    model = llava(folder)
    if not with_peft:
        merge_adapter(model, folder / "tuned")
        return model
    from peft import PeftModel

    return PeftModel.from_pretrained(model, folder / "tuned").merge_and_unload().eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with llava/, tuned/ and bench/")
    parser.add_argument("--trained", type=Path, required=True, help="folder of the stage prefer")
    parser.add_argument("--peft", action="store_true")
    parser.add_argument("--limit", type=int, default=100, help="prompts of each set")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.folder / "llava/tokenizer.json"))
    report = {}
    with torch.no_grad():
        both = [
            Pocket(Asker(model, None, tokenizer), args.folder / "bench/dev", 0, args.limit)
            for model in (trained(args.folder, args.trained), merged(args.folder, args.peft))
        ]
        for name in SETS:
            with at_strength(both[0].asker.llava, STRENGTH):
                want, got = (pocket.asked(pocket.records(name), CAPTION_TOKENS, name) for pocket in both)
            report[name] = {"identical": sum(a == b for a, b in zip(want, got)), "n": len(want)}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
