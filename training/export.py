"""Export trained PyTorch checkpoints to folders that transformers.js loads.

    python export.py --llava runs/llava --base runs/base --tokenizer runs/tokenizer.json --adapter runs/prefer --out ../pocket

writes OUT/llava and OUT/base: configs, tokenizer, chat template, ONNX graphs in
float32 and int8 ("_quantized", dtype "q8" of transformers.js), and the weights
as float16 safetensors for reference users. OUT/tuned gets the adapter of the stage
`prefer` in peft's format, float16, to be added to the weights of OUT/llava.

All weights are first rounded to float16 and everything is written from those, so
the float32 graphs and the safetensors file are one and the same model.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration, PreTrainedModel

import checkpoint_files as files
from lora import write_adapter
from onnx_graphs import compact, quantise, store_as_float16, trace_base, trace_llava


def round_to_float16(model: PreTrainedModel) -> None:
    """Round every parameter to the nearest float16, keeping float32 storage. Changes ``model``."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())


def load_rounded(
    kind: type[LlavaForConditionalGeneration] | type[LlamaForCausalLM], folder: Path
) -> PreTrainedModel:
    """Load a checkpoint for tracing: float16-rounded weights, explicit attention products."""
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    round_to_float16(model)
    return model.eval()


def write_safetensors(folder: Path, model: PreTrainedModel) -> None:
    """Write model.safetensors in float16, tied weights once."""
    model.half().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


@dataclass(frozen=True)
class Variants:
    """Which files to write for a checkpoint besides the float32 graphs."""

    int8: bool
    float16_storage: bool


def write_graphs(folder: Path, graphs: dict[str, onnx.ModelProto], variants: Variants) -> None:
    """Write onnx/NAME.onnx and, if asked for, onnx/NAME_quantized.onnx."""
    target = folder / "onnx"
    target.mkdir(parents=True, exist_ok=True)
    for name, graph in graphs.items():
        path = target / f"{name}.onnx"
        onnx.save(compact(graph), path)
        if variants.int8:
            quantise(path, target / f"{name}_quantized.onnx")
        if variants.float16_storage:
            onnx.save(store_as_float16(graph), path)


def export_checkpoint(
    model: PreTrainedModel,
    graphs: dict[str, onnx.ModelProto],
    tokenizer: Tokenizer,
    target: Path,
    variants: Variants,
) -> None:
    """Write what both checkpoints have: graphs, safetensors, configs and tokenizer."""
    max_length = model.config.get_text_config().max_position_embeddings
    target.mkdir(parents=True, exist_ok=True)
    write_graphs(target, graphs, variants)
    write_safetensors(target, model)
    files.write_config(target, model.config)
    files.write_generation_config(target)
    files.write_tokenizer(target, tokenizer, max_length)


def export_llava(source: Path, tokenizer: Tokenizer, target: Path, variants: Variants) -> None:
    """Write the LLaVA checkpoint in ``source`` to ``target``."""
    model = load_rounded(LlavaForConditionalGeneration, source)
    export_checkpoint(model, trace_llava(model), tokenizer, target, variants)
    files.write_processor(target)


def export_base(source: Path, tokenizer: Tokenizer, target: Path, variants: Variants) -> None:
    """Write the base LLM in ``source`` to ``target``."""
    model = load_rounded(LlamaForCausalLM, source)
    export_checkpoint(model, trace_base(model), tokenizer, target, variants)


def export_adapter(source: Path, target: Path) -> None:
    """Write the adapter in the checkpoint of ``source`` to ``target``."""
    state = torch.load(source / "checkpoint.pt", map_location="cpu", weights_only=True)["model"]
    write_adapter(state, target, "../llava")


def sizes(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file under ``folder``, by relative path."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_size for path in found}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--llava", type=Path, required=True, help="trained LLaVA checkpoint")
    parser.add_argument("--base", type=Path, required=True, help="trained base LLM checkpoint")
    parser.add_argument("--adapter", type=Path, help="folder of the stage prefer")
    parser.add_argument("--tokenizer", type=Path, help="default: LLAVA/tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="gets llava/, base/ and tuned/")
    parser.add_argument("--no-base-int8", action="store_true", help="leave out the int8 base LLM")
    parser.add_argument(
        "--float16-storage",
        action="store_true",
        help="halve the float32 graphs: weights stored as float16, cast when loaded, same results",
    )
    options = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(options.tokenizer or options.llava / "tokenizer.json"))
    half = options.float16_storage
    export_llava(options.llava, tokenizer, options.out / "llava", Variants(True, half))
    export_base(
        options.base, tokenizer, options.out / "base", Variants(not options.no_base_int8, half)
    )
    if options.adapter:
        export_adapter(options.adapter, options.out / "tuned")
    written = {name: sizes(options.out / name) for name in ("llava", "base", "tuned")}
    print(json.dumps(written, indent=2))


if __name__ == "__main__":
    main()
