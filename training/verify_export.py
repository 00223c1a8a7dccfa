"""Compare an exported checkpoint with PyTorch, prompt by prompt.

    python verify_export.py --pocket ../pocket --prompts ../pocket/bench/POPE.jsonl

Every line of the prompts file has a "question" (or "text") and an "image", a path
relative to the file or to --images. Prints JSON: on how many prompts the greedy
tokens of the float32 and int8 graphs equal PyTorch's, and how far logits differ.

Without --llava and --base, PyTorch runs the exported float16 safetensors; with
them it runs the trained checkpoints, so that the rounding is tested as well.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoTokenizer,
    LlamaForCausalLM,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedModel,
)

from onnx_decoding import Continuation, Floats, Ids, OnnxModel


Question = tuple[str, Path]  # and the image it is about


@dataclass(frozen=True)
class Prompt:
    """Token ids (1, Q) and, for the LVLM, pixel values (1, 3, 96, 96)."""

    ids: Ids
    pixels: Floats | None


def read_questions(path: Path, images: Path, limit: int) -> list[Question]:
    """Return question and image path of the first ``limit`` lines of a JSONL file."""
    lines = path.read_text(encoding="utf-8").splitlines()[:limit]
    records = [json.loads(line) for line in lines]
    return [(r.get("question") or r["text"], images / r["image"]) for r in records]


def image_prompts(folder: Path, questions: Iterable[Question]) -> list[Prompt]:
    """Prepare questions about images as the checkpoint's own processor does."""
    processor = LlavaProcessor.from_pretrained(folder)
    prompts = []
    for question, path in questions:
        content = [{"type": "image"}, {"type": "text", "text": question}]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        inputs = processor(images=Image.open(path), text=text, return_tensors="np")
        prompts.append(Prompt(inputs["input_ids"], inputs["pixel_values"]))
    return prompts


def text_prompts(folder: Path, questions: Iterable[Question]) -> list[Prompt]:
    """Prepare the questions alone, for the base LLM."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = []
    for question, _ in questions:
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
        )
        prompts.append(Prompt(tokenizer(text, return_tensors="np")["input_ids"], None))
    return prompts


def torch_inputs(prompt: Prompt) -> dict[str, torch.Tensor]:
    """Return a prompt as the keyword arguments of a PyTorch model."""
    inputs = {"input_ids": torch.from_numpy(prompt.ids)}
    if prompt.pixels is not None:
        inputs["pixel_values"] = torch.from_numpy(prompt.pixels)
    return inputs


def torch_greedy(model: PreTrainedModel, prompt: Prompt, max_new_tokens: int) -> Continuation:
    """Continue a prompt greedily with PyTorch."""
    ids = torch.from_numpy(prompt.ids)
    output = model.generate(
        **torch_inputs(prompt),
        attention_mask=torch.ones_like(ids),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    tokens = output.sequences[0, ids.shape[1] :].tolist()
    return Continuation(tokens, torch.cat(output.logits).numpy())


def compare(expected: list[Continuation], received: list[Continuation]) -> dict[str, Any]:
    """Count equal continuations; compare logits as far as the tokens before them agree."""
    identical, first_identical, largest = 0, 0, 0.0
    for want, got in zip(expected, received, strict=True):
        identical += want.tokens == got.tokens
        first_identical += want.tokens[0] == got.tokens[0]
        pairs = zip(want.tokens, got.tokens, strict=False)
        agreed = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
        rows = min(len(want.tokens), len(got.tokens)) if agreed is None else agreed + 1
        largest = max(largest, float(np.abs(want.logits[:rows] - got.logits[:rows]).max()))
    return {
        "identical": identical,
        "first_token_identical": first_identical,
        "largest_logit_difference": largest,
    }


def padding_difference(model: PreTrainedModel, onnx: OnnxModel, prompts: list[Prompt]) -> float:
    """Return the largest logit difference between PyTorch alone and ONNX in padded pairs.

    Prompts are paired, the shorter one is padded on the left, then on the right.
    """
    largest = 0.0
    for pair in zip(prompts[0::2], prompts[1::2], strict=False):
        with torch.no_grad():
            alone = [model(**torch_inputs(prompt)).logits[0].numpy() for prompt in pair]
        pixels = None
        if pair[0].pixels is not None and pair[1].pixels is not None:
            pixels = np.concatenate([pair[0].pixels, pair[1].pixels])
        length = max(prompt.ids.shape[1] for prompt in pair) + 1
        for left in (True, False):
            gaps = [length - prompt.ids.shape[1] for prompt in pair]
            widths = [((0, 0), (gap, 0) if left else (0, gap)) for gap in gaps]
            ids, mask = (
                np.concatenate([np.pad(rows, width) for rows, width in zip(group, widths, strict=True)])
                for group in ([p.ids for p in pair], [np.ones_like(p.ids) for p in pair])
            )
            logits = onnx.prefill_logits(ids, mask, pixels)
            for row, keep, want in zip(logits, mask, alone, strict=True):
                largest = max(largest, float(np.abs(row[keep == 1] - want).max()))
    return largest


def verify(
    model: PreTrainedModel, folder: Path, prompts: list[Prompt], max_new_tokens: int
) -> dict[str, Any]:
    """Compare all graphs in ``folder`` with ``model``."""
    model.eval()
    expected = [torch_greedy(model, prompt, max_new_tokens) for prompt in prompts]
    report: dict[str, Any] = {
        "prompts": len(prompts),
        "tokens": sum(len(want.tokens) for want in expected),
    }
    for label, suffix in (("float32", ""), ("int8", "_quantized")):
        if suffix and not list((folder / "onnx").glob(f"*{suffix}.onnx")):
            continue
        onnx = OnnxModel(folder, suffix)
        received = [onnx.greedy(p.ids, p.pixels, max_new_tokens) for p in prompts]
        report[label] = compare(expected, received)
        if not suffix:
            report[label]["padded_pair_logit_difference"] = padding_difference(
                model, onnx, prompts[:20]
            )
    return report


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pocket", type=Path, required=True, help="folder with llava/ and base/")
    parser.add_argument("--prompts", type=Path, required=True, help="JSONL file")
    parser.add_argument("--images", type=Path, help="default: the folder of the JSONL file")
    parser.add_argument("--llava", type=Path, help="trained checkpoint, default: the exported one")
    parser.add_argument("--base", type=Path, help="trained checkpoint, default: the exported one")
    parser.add_argument("--limit", type=int, default=100, help="prompts to compare")
    parser.add_argument("--max-new-tokens", type=int, default=64)
    options = parser.parse_args()

    images = options.images or options.prompts.parent
    questions = read_questions(options.prompts, images, options.limit)
    Prepare = Callable[[Path, Iterable[Question]], list[Prompt]]
    kinds: dict[str, tuple[type[PreTrainedModel], Path | None, Prepare]] = {
        "llava": (LlavaForConditionalGeneration, options.llava, image_prompts),
        "base": (LlamaForCausalLM, options.base, text_prompts),
    }
    report = {}
    for name, (kind, trained, prepare) in kinds.items():
        folder = options.pocket / name
        model = kind.from_pretrained(trained or folder, dtype=torch.float32)
        report[name] = verify(model, folder, prepare(folder, questions), options.max_new_tokens)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
