"""Make small graphs with exporters that are not ours, and what PyTorch computes for them.

    python make-graphs.py --out ../../peer-graphs [--llava ../../pocket/llava]

Needs torch, transformers, onnx, onnxscript, onnx-ir and onnxruntime-genai. Randomly initialised
Llama-, Qwen2- and SmolLM-type decoders and CLIP- and SigLIP-type vision towers are exported by
torch.onnx (both its exporters) and by the model builder of onnxruntime-genai (float32, float16, int8
and 4-bit). Each case is a folder with model.onnx and case.json: inputs, logits or features, the
hidden states (PyTorch's output_hidden_states), and the same with the steering layer of visual and
textual intervention put behind every MLP. test/onnx/peers.test.ts compares.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx
import torch
import transformers
from torch import nn
from torch.nn import functional as F

ALPHA = 0.9
TOKENS = 7


class SteeredMlp(nn.Module):
    """MLP, then x <- normalize(normalize(x) + 0.1 alpha normalize(d)) |x|."""

    def __init__(self, mlp: nn.Module, direction: torch.Tensor):
        super().__init__()
        self.mlp = mlp
        self.direction = direction

    def forward(self, *args, **kwargs):
        x = self.mlp(*args, **kwargs)
        norm = torch.norm(x, p=2, dim=-1, keepdim=True)
        shifted = F.normalize(x, p=2, dim=-1) + 0.1 * ALPHA * F.normalize(self.direction, p=2, dim=-1)
        return F.normalize(shifted, p=2, dim=-1) * norm


def decoders() -> dict[str, transformers.PreTrainedModel]:
    size = dict(
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=160,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    return {
        "llama": transformers.LlamaForCausalLM(transformers.LlamaConfig(**size)),
        "qwen2": transformers.Qwen2ForCausalLM(
            transformers.Qwen2Config(**size, tie_word_embeddings=False)
        ),
        "smollm": transformers.SmolLM3ForCausalLM(transformers.SmolLM3Config(**size)),
        "smollm-tied": transformers.LlamaForCausalLM(
            transformers.LlamaConfig(**size, tie_word_embeddings=True, rope_theta=100000)
        ),
    }


def towers() -> dict[str, transformers.PreTrainedModel]:
    size = dict(
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=24,
        patch_size=8,
    )
    return {
        "clip": transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**size)),
        "siglip": transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**size)),
    }


def randomise(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 0.12 if parameter.dim() > 1 else 0.05
            offset = 1.0 if parameter.dim() == 1 and parameter.mean() > 0.5 else 0.0
            parameter.normal_(offset, spread, generator=generator)


class Decoder(nn.Module):
    """inputs_embeds, attention_mask, position_ids -> logits, without a cache."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, inputs_embeds, attention_mask, position_ids):
        return self.model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            use_cache=False,
        ).logits


class Tower(nn.Module):
    """pixel_values -> last hidden state."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).last_hidden_state


def reference(model, feeds: dict, output: str, layers: list[nn.Module], per_token: bool) -> dict:
    """Outputs and hidden states of PyTorch, plain and steered, as flat lists."""
    generator = torch.Generator().manual_seed(5)
    width = model.config.hidden_size

    def run() -> dict:
        with torch.no_grad():
            result = model(**feeds, output_hidden_states=True)
        return {
            "output": result[output].flatten().tolist(),
            "hiddenStates": [state.flatten().tolist() for state in result.hidden_states],
        }

    plain = run()
    tokens = len(plain["hiddenStates"][0]) // width if per_token else 1
    directions = torch.randn(len(layers), tokens, width, generator=generator)
    mlps = [layer.mlp for layer in layers]
    for layer, direction in zip(layers, directions, strict=True):
        layer.mlp = SteeredMlp(layer.mlp, direction)
    steered = run()
    for layer, mlp in zip(layers, mlps, strict=True):
        layer.mlp = mlp
    inputs = {
        name: {
            "type": "int64" if value.dtype == torch.int64 else "float32",
            "dims": list(value.shape),
            "data": value.flatten().tolist(),
        }
        for name, value in feeds.items()
    }
    return {
        "width": width,
        "layers": len(layers),
        "alpha": ALPHA,
        "inputs": inputs,
        "directions": {"dims": list(directions.shape), "data": directions.flatten().tolist()},
        "plain": plain,
        "steered": steered,
    }


def write_case(folder: Path, case: dict, kind: str, exact: bool) -> None:
    """exact: the graph's weights are PyTorch's, so its numbers must be so too."""
    case = {"kind": kind, "exact": exact, **case}
    (folder / "case.json").write_text(json.dumps(case))


def export_with_torch(module: nn.Module, feeds: dict, folder: Path, output: str, dynamo: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = list(feeds)
    if dynamo:
        program = torch.onnx.export(
            module, tuple(feeds.values()), input_names=names, output_names=[output], dynamo=True
        )
        program.save(str(folder / "model.onnx"), external_data=False)
        return
    axes = {
        name: {0: "batch", 1: "sequence"} if feeds[name].dim() < 4 else {0: "batch"} for name in names
    }
    torch.onnx.export(
        module,
        tuple(feeds.values()),
        str(folder / "model.onnx"),
        input_names=names,
        output_names=[output],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )


def export_with_builder(model, folder: Path, precision: str, provider: str) -> None:
    """The onnxruntime-genai model builder, from a saved checkpoint, taking inputs_embeds."""
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint, built = Path(scratch) / "checkpoint", Path(scratch) / "built"
        model.save_pretrained(checkpoint)
        write_tokenizer(checkpoint, {f"t{i}": i for i in range(model.config.vocab_size)})
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", str(checkpoint)]
        command += ["-o", str(built), "-p", precision, "-e", provider, "-c", str(Path(scratch) / "cache")]
        command += ["--extra_options", "exclude_embeds=true"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        folder.mkdir(parents=True, exist_ok=True)
        graph = onnx.load(str(built / "model.onnx"))
        onnx.save(graph, str(folder / "model.onnx"), save_as_external_data=False)


def write_tokenizer(folder: Path, vocabulary: dict[str, int]) -> None:
    from tokenizers import Tokenizer, models

    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="t0"))
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="t0", eos_token="t1", pad_token="t2"
    )
    fast.save_pretrained(folder)


def add_llava(checkpoint: Path, out: Path, generator: torch.Generator) -> None:
    """Cases for the vision encoder and the decoder of a LLaVA checkpoint, as exported and quantized."""
    llava = transformers.LlavaForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    side = llava.config.vision_config.image_size
    pixels = {"pixel_values": torch.randn(1, 3, side, side, generator=generator)}
    tower = llava.model.vision_tower
    layers = list(getattr(tower, "vision_model", tower).encoder.layers)
    vision = reference(tower, pixels, "last_hidden_state", layers, per_token=True)
    for run in ("plain", "steered"):  # the graph returns projected patches, without the class token
        states = torch.tensor(vision[run]["hiddenStates"][-1]).reshape(1, -1, vision["width"])
        with torch.no_grad():
            vision[run]["output"] = llava.model.multi_modal_projector(states[:, 1:]).flatten().tolist()
    width = llava.config.text_config.hidden_size
    feeds = {
        "inputs_embeds": torch.randn(1, TOKENS, width, generator=generator),
        "attention_mask": torch.ones(1, TOKENS, dtype=torch.int64),
        "position_ids": torch.arange(TOKENS).unsqueeze(0),
    }
    text = transformers.LlamaForCausalLM(llava.config.text_config).eval()
    text.model, text.lm_head = llava.model.language_model, llava.lm_head
    decoder = reference(text, feeds, "logits", list(text.model.layers), per_token=False)
    for suffix, exact in (("", True), ("_quantized", False)):
        for name, kind, case in (("vision_encoder", "tower", vision), ("decoder_model_merged", "decoder", decoder)):
            graph = checkpoint / "onnx" / f"{name}{suffix}.onnx"
            folder = out / f"{checkpoint.name}-{name}{suffix}"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(graph, folder / "model.onnx")
            write_case(folder, case, kind, exact)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--llava", type=Path, help="a checkpoint folder in the layout of transformers.js")
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    generator = torch.Generator().manual_seed(1)
    if options.llava is not None:
        add_llava(options.llava, options.out, generator)

    for seed, (name, model) in enumerate(decoders().items()):
        model = model.eval()
        randomise(model, seed)
        feeds = {
            "inputs_embeds": torch.randn(1, TOKENS, model.config.hidden_size, generator=generator),
            "attention_mask": torch.ones(1, TOKENS, dtype=torch.int64),
            "position_ids": torch.arange(TOKENS).unsqueeze(0),
        }
        case = reference(model, feeds, "logits", list(model.model.layers), per_token=False)
        for exporter, dynamo in (("torchscript", False), ("dynamo", True)):
            folder = options.out / f"{name}-{exporter}"
            export_with_torch(Decoder(model), feeds, folder, "logits", dynamo)
            write_case(folder, case, "decoder", exact=True)
        for precision, provider in (("fp32", "cpu"), ("fp16", "cuda"), ("int4", "cpu"), ("int8", "cpu")):
            folder = options.out / f"{name}-builder-{precision}"
            try:
                export_with_builder(model, folder, precision, provider)
                write_case(folder, case, "decoder", exact=precision == "fp32")
            except RuntimeError as error:  # a precision or model this version does not offer
                print(f"not made: {folder.name}: {error}")

    for seed, (name, model) in enumerate(towers().items()):
        model = model.eval()
        randomise(model, seed)
        feeds = {"pixel_values": torch.randn(1, 3, 24, 24, generator=generator)}
        vision = getattr(model, "vision_model", model)
        layers = list(vision.encoder.layers)
        case = reference(model, feeds, "last_hidden_state", layers, per_token=True)
        for exporter, dynamo in (("torchscript", False), ("dynamo", True)):
            folder = options.out / f"{name}-{exporter}"
            export_with_torch(Tower(model), feeds, folder, "features", dynamo)
            write_case(folder, case, "tower", exact=True)


if __name__ == "__main__":
    main()
