"""Low-rank adapters (LoRA, arXiv 2106.09685) on the decoder's projections, in the files of the peft library.

`adapt` puts them on a model, `at_strength` runs it with a part of them or as it was (0), `write_adapter` writes adapter_config.json and
adapter_model.safetensors (float16), and `merge_adapter` adds such files to a model's weights. The library itself is not
needed: of it only a fixed linear layer, its names and its file format are used.
"""

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

RANK, ALPHA = 16, 32
# Of the trained adapter, as it is validated and shipped: half of it lowers CHAIR_s as far and costs less recall (README.md).
STRENGTH = 0.5
# The tower has projections of the same names, so the decoder is named too; peft reads this as a regular expression.
TARGETS = r".*language_model\.layers\.\d+\.(self_attn\.(q|k|v|o)|mlp\.(gate|up|down))_proj"
PREFIX = "base_model.model."


class LoraLinear(nn.Module):
    """A frozen linear layer and the product of two thin matrices beside it; does nothing at first, since B is zero."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.lora_A = nn.Parameter(torch.empty(RANK, linear.in_features))
        self.lora_B = nn.Parameter(torch.zeros(linear.out_features, RANK))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.strength = 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.linear(x)
        if not self.strength:
            return out
        return out + F.linear(F.linear(x, self.lora_A), self.lora_B) * (ALPHA / RANK * self.strength)


def adapt(model: nn.Module) -> None:
    """Freeze `model` and put an adapter on every projection of its decoder."""
    model.requires_grad_(False)
    for name, linear in [(n, m) for n, m in model.named_modules() if re.fullmatch(TARGETS, n)]:
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, LoraLinear(linear))


@contextmanager
def at_strength(model: nn.Module, strength: float) -> Iterator[None]:
    """The model with a part of its adapter: 1 is the whole of it, 0 the model as it was before `adapt`."""
    layers = [m for m in model.modules() if isinstance(m, LoraLinear)]
    before = [layer.strength for layer in layers]
    for layer in layers:
        layer.strength = strength
    yield
    for layer, value in zip(layers, before):
        layer.strength = value


def write_adapter(state: dict[str, torch.Tensor], folder: Path, base: str) -> None:
    """Write what `adapt` added at STRENGTH, of the state dictionary of an adapted model. base: path or name of what it goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"{PREFIX}{k}.weight": v.half().contiguous() for k, v in state.items() if k.endswith((".lora_A", ".lora_B"))}
    if not tensors:
        raise ValueError("received a state without lora_A and lora_B, expected that of an adapted model")
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    (folder / "adapter_model.safetensors").chmod(0o644)
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": base,
        "r": RANK,
        "lora_alpha": round(ALPHA * STRENGTH),
        "target_modules": TARGETS,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
        "inference_mode": True,
        "task_type": None,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


@torch.no_grad()
def merge_adapter(model: nn.Module, folder: Path) -> None:
    """Add the adapter in `folder` to the weights of `model`."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    for name, first in tensors.items():
        if name.endswith(".lora_A.weight"):
            second = tensors[name.replace(".lora_A.", ".lora_B.")]
            weight = model.get_submodule(name.removeprefix(PREFIX).removesuffix(".lora_A.weight")).weight
            weight += second.float() @ first.float() * (config["lora_alpha"] / config["r"])
