"""Gemma 3 in the GroupQueryAttention style, with windows and causal throughout; PaliGemma 2 in the Concat style.

A prompt of PaliGemma sees itself whole: its graph lets every query look at all keys that are no padding.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from transformers import (
    Gemma3Config,
    Gemma3ForCausalLM,
    Gemma3ForConditionalGeneration,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from . import common

SIZE, PATCH = 16, 4
PATCHES = (SIZE // PATCH) ** 2
POOLED = 4  # tokens of an image for Gemma 3, which averages patches
HEAD, CONTEXT, LESS_CONTEXT, WINDOW = 16, 256, 128, 16
STEERED, STRENGTH = "two images", 4
BEGIN, IMAGE, END = "<start_of_image>", "<image_soft_token>", "<end_of_image>"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<start_of_image>{% else %}{{ part.text | trim }}{% endif %}"
    "{% endfor %}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
IMAGES = [
    common.image(50, 40, x=7, y=3, c=60, xy=5),
    common.image(61, 30, x=2, y=9, c=15, xy=3),
]
TURNS = {
    "one image": [("user", 0, "What is in the image?")],
    "two images": [("user", "The left one:", 0, " the right one:", 1, " Are they the same?")],
    "none": [("user", "How many things are there?")],
}
LATER = {
    "later image": [("user", "Answer with one word."), ("assistant", "Yes."), ("user", "And here?", 1)]
}
BATCH = ["one image", "two images"]
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": HEAD,
    "query_pre_attn_scalar": HEAD,
    "max_position_embeddings": CONTEXT,
    "layer_types": ["sliding_attention", "full_attention"],
}
TOWER = {
    "model_type": "siglip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": SIZE,
    "patch_size": PATCH,
    "vision_use_head": False,
}


def make(out: Path) -> list[Path]:
    return [gemma3(out / "gemma3-gqa"), paligemma(out / "paligemma-concat")]


# ---- prompts -------------------------------------------------------------------------------------------------------


class Gemma3Prompts:
    """What Gemma3Processor makes, without crops."""

    template = TEMPLATE
    turns = TURNS | LATER
    tokens = POOLED
    sure = 0.03  # how far the best token must be ahead, so that float16 gives the same

    def __init__(self) -> None:
        special = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", BEGIN, END, IMAGE]
        self.words = common.tokenizer(special, bos="<bos>", eos="<end_of_turn>", pad="<pad>")
        size = {"height": SIZE, "width": SIZE}
        self.images = Gemma3ImageProcessorPil(size=size, image_mean=[0.5] * 3, image_std=[0.5] * 3)

    def text(self, turns: list[tuple]) -> str:
        rendered = self.words.apply_chat_template(
            common.messages(turns), chat_template=TEMPLATE, add_generation_prompt=True, tokenize=False
        )
        return rendered.replace(BEGIN, f"\n\n{BEGIN}{IMAGE * POOLED}{END}\n\n")

    def types(self, tokens: Tensor) -> dict[str, Tensor]:
        """None: without them attention is causal among the tokens of an image, too."""
        return {}


class PaliGemmaPrompts:
    """What PaliGemmaProcessor makes, without the thousand tokens for places that it adds to a tokenizer."""

    template = ""
    turns = TURNS
    tokens = PATCHES
    sure = 0.1

    def __init__(self) -> None:
        self.words = common.tokenizer(["<pad>", "<eos>", "<bos>", "<image>"], bos="<bos>", eos="<eos>", pad="<pad>")
        self.images = SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE})

    def text(self, turns: list[tuple]) -> str:
        [(_, *parts)] = turns
        written = "".join("<image>" if isinstance(part, int) else part for part in parts)
        at = written.rfind("<image>") + len("<image>") if "<image>" in written else 0
        return f"{written[:at]}<bos>{written[at:]}\n".replace("<image>", "<image>" * PATCHES)

    def types(self, tokens: Tensor) -> dict[str, Tensor]:
        """Of a prompt without an answer: all of it looks ahead."""
        return {"token_type_ids": torch.zeros_like(tokens)}


Prompts = Gemma3Prompts | PaliGemmaPrompts


def inputs_of(prompts: Prompts, names: list[str]) -> dict[str, Tensor]:
    """Some cases as a batch, padded on the left."""
    made = prompts.words(
        [prompts.text(prompts.turns[name]) for name in names],
        padding=True,
        add_special_tokens=False,
        return_tensors="pt",
    )
    shown = [i for name in names for i in common.images_of(prompts.turns[name])]
    pixels = {}
    if shown:
        given = prompts.images([common.picture(IMAGES[i]) for i in shown], return_tensors="pt")
        pixels = {"pixel_values": given["pixel_values"]}
    tokens = {"input_ids": made["input_ids"], "attention_mask": made["attention_mask"]}
    return tokens | prompts.types(made["input_ids"]) | pixels


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def gemma3(folder: Path) -> Path:
    prompts = Gemma3Prompts()
    rope = {
        "full_attention": {"rope_type": "default", "rope_theta": 1_000_000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
    }
    layers = ["sliding_attention", "sliding_attention", "full_attention"]
    text = TEXT | ids(prompts.words) | {"num_hidden_layers": len(layers), "layer_types": layers}
    # A head of its own: with that of the embeddings random weights repeat the last token.
    text |= {"max_position_embeddings": LESS_CONTEXT, "sliding_window": WINDOW, "rope_parameters": rope, "tie_word_embeddings": False}
    marks = {"boi": BEGIN, "eoi": END, "image": IMAGE}
    config = Gemma3Config(
        text_config=text,
        vision_config=TOWER,
        mm_tokens_per_image=POOLED,
        tie_word_embeddings=False,
        eos_token_id=prompts.words.eos_token_id,
        **{f"{key}_token_index": prompts.words.convert_tokens_to_ids(mark) for key, mark in marks.items()},
    )
    model, reference = made(prompts, config, Gemma3ForConditionalGeneration)
    causal = Gemma3ForCausalLM(model.config.text_config).eval()
    causal.model.load_state_dict(model.model.language_model.state_dict())
    causal.lm_head.load_state_dict(model.lm_head.state_dict())
    decoders = [build(causal, prompts.words, precision) for precision in ("fp32", "int4")]
    # Tower and embeddings in 32 bits alone: PaliGemma has such a tower in the other precisions.
    graphs = inputs_graphs(model) | decoder_graphs(*decoders)
    write(folder, prompts, model, reference, graphs, {"image_seq_length": POOLED})
    names = {f"{key}_token": mark for key, mark in marks.items()}
    path = folder / "tokenizer_config.json"
    common.write_json(path, json.loads(path.read_text()) | names)
    return folder


def paligemma(folder: Path) -> Path:
    prompts = PaliGemmaPrompts()
    text = TEXT | ids(prompts.words) | {"model_type": "gemma2", "sliding_window": CONTEXT}
    config = PaliGemmaConfig(
        text_config=text,
        vision_config=TOWER,
        projection_dim=32,
        hidden_size=32,
        vocab_size=text["vocab_size"],
        eos_token_id=prompts.words.eos_token_id,
        image_token_index=prompts.words.convert_tokens_to_ids("<image>"),
    )
    model, reference = made(prompts, config, PaliGemmaForConditionalGeneration)
    cap = model.config.text_config.final_logit_softcapping
    decoder = common.trace_decoder(LookingAhead(model.model.language_model), Capped(model.lm_head, cap))
    inputs = inputs_graphs(model)
    embed, vision = inputs.values()
    graphs = inputs | {
        "embed_tokens_fp16": common.as_float16(embed, []),
        "vision_encoder_fp16": common.as_float16(vision, ["pixel_values"]),
        "vision_encoder_q4": common.as_four_bits(vision),
    }
    graphs |= decoder_graphs(decoder, common.as_four_bits(decoder))
    write(folder, prompts, model, reference, graphs, {})
    (folder / "chat_template.jinja").unlink()
    return folder


def ids(words: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": common.vocabulary_size(words),
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def made(prompts: Prompts, config: Any, model_class: type) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The first model whose answers differ and are sure, with its reference."""

    def one(seed: int) -> tuple[Any, ...]:
        model = model_class._from_config(config, attn_implementation="eager").eval()
        model.generation_config.eos_token_id = prompts.words.eos_token_id
        model.generation_config.pad_token_id = prompts.words.pad_token_id
        common.randomise(model, seed)
        near_zero(model)
        return model, answers(model, prompts)

    model, _ = common.first_seed(one, lambda found: found[1] is not None and common.differ(found[1]), seeds=400)
    return model, reference(model, prompts)


def near_zero(model: PreTrainedModel) -> None:
    """Gemma's norms add 1 to their weights; and its projection from the tower is no linear layer. Changes ``model``."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "vision_tower" not in name and name.endswith("norm.weight"):
                parameter.sub_(1.0)
            if name.endswith("mm_input_projection_weight"):
                linear = nn.Linear(*parameter.shape)
                linear.weight.copy_(parameter.T)
                common.snap(linear)
                parameter.copy_(linear.weight.T)


# ---- reference -----------------------------------------------------------------------------------------------------


def answers(model: PreTrainedModel, prompts: Prompts) -> list[list[int]] | None:
    """Greedy tokens of each case; none where the best of one was not far enough ahead of the second."""
    found = []
    for name in prompts.turns:
        tokens, lead = common.greedy_lead(model, inputs_of(prompts, [name]))
        if lead <= prompts.sure:
            return None
        found.append(tokens)
    return found


def reference(model: PreTrainedModel, prompts: Prompts) -> dict[str, Any]:
    with steered(model, STRENGTH):
        _, moved = logits_of(model, inputs_of(prompts, [STEERED]))
    return {
        "images": IMAGES,
        "cases": {name: case(model, prompts, name) for name in prompts.turns},
        "batch": {"rows": BATCH, "greedy": common.greedy(model, inputs_of(prompts, BATCH))},
        "steered": {
            "case": STEERED,
            "text": STRENGTH,
            "logits": [round(float(one), 5) for one in moved],
        },
    }


def case(model: PreTrainedModel, prompts: Prompts, name: str) -> dict[str, Any]:
    turns = prompts.turns[name]
    inputs = inputs_of(prompts, [name])
    positions, logits = logits_of(model, inputs)
    vision = []
    for i in common.images_of(turns):
        alone = prompts.images([common.picture(IMAGES[i])], return_tensors="np")
        vision.append({"pixel_values": common.described(alone["pixel_values"].astype("float32"))})
    [answer] = common.greedy(model, inputs)
    tokens = inputs["input_ids"][0].tolist()
    return common.case(common.as_parts(turns), tokens, positions, vision, logits, answer)


def logits_of(model: PreTrainedModel, inputs: dict[str, Tensor]) -> tuple[list[list[int]], Tensor]:
    """Positions of a prompt, and the logits behind its last token."""
    seen: list[Tensor | None] = []
    hook = model.model.language_model.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["position_ids"]), with_kwargs=True
    )
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1]
    hook.remove()
    # None where the model then counts the tokens.
    length = inputs["input_ids"].shape[1]
    return [(torch.arange(length) if seen[0] is None else seen[0][0]).tolist()], logits


@contextlib.contextmanager
def steered(model: PreTrainedModel, strength: float) -> Iterator[None]:
    """Steer what each MLP adds, behind its norm, along sin(1), sin(2), ...: its length stays."""
    layers = model.model.language_model.layers
    width = model.config.text_config.hidden_size
    directions = torch.sin(torch.arange(1, len(layers) * width + 1).float()).reshape(len(layers), width)

    def turn(direction: Tensor) -> Callable[..., Tensor]:
        def hook(_: nn.Module, __: tuple, added: Tensor) -> Tensor:
            unit = nn.functional.normalize(added, dim=-1)
            turned = unit + 0.1 * strength * nn.functional.normalize(direction, dim=-1)
            return nn.functional.normalize(turned, dim=-1) * added.norm(dim=-1, keepdim=True)

        return hook

    hooks = [
        layer.post_feedforward_layernorm.register_forward_hook(turn(direction))
        for layer, direction in zip(layers, directions, strict=True)
    ]
    yield
    for hook in hooks:
        hook.remove()


# ---- graphs --------------------------------------------------------------------------------------------------------


class Vision(nn.Module):
    """Tower and projector: pixel_values (B, 3, H, W) -> image_features (B, tokens, D)."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.vision_tower = model.model.vision_tower
        self.multi_modal_projector = model.model.multi_modal_projector

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.multi_modal_projector(self.vision_tower(pixel_values).last_hidden_state)


class LookingAhead(nn.Module):
    """A decoder whose queries all see what the last one sees: every key that is no padding."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.config = inner, inner.config

    def forward(self, *, attention_mask: Tensor, **given: Any) -> Any:
        seen = attention_mask[:, :, -1:]
        masks = {"full_attention": seen, "sliding_attention": seen}
        return self.inner(attention_mask=masks, **given)


class Capped(nn.Module):
    """A head whose logits run through tanh."""

    def __init__(self, lm_head: nn.Module, cap: float) -> None:
        super().__init__()
        self.lm_head, self.cap = lm_head, cap

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.lm_head(hidden) / self.cap) * self.cap


# Where a configuration has rotary embeddings for each type of layer, the builder does not find them.
BY_LAYER_TYPE = """
import runpy
import onnxruntime_genai.models  # where "builders" is found then
from builders import Gemma3Model

def read(self, config):
    self.rope_attrs["theta"] = config.rope_parameters["full_attention"]["rope_theta"]
    config.rope_local_base_freq = config.rope_parameters["sliding_attention"]["rope_theta"]

Gemma3Model.make_rope_init = read
runpy.run_module("onnxruntime_genai.models.builder", run_name="__main__", alter_sys=True)
"""


def build(causal: PreTrainedModel, words: PreTrainedTokenizerFast, precision: str) -> onnx.ModelProto:
    """The decoder, whose layers with a window keep all tokens, as those for transformers.js do."""
    options = ["windowed_kv_cache=false"]
    made = common.build_decoder(causal, words, precision, *options, launch=["-c", BY_LAYER_TYPE])
    return common.with_head_size(made, HEAD)


def inputs_graphs(model: PreTrainedModel) -> dict[str, onnx.ModelProto]:
    """Embeddings and tower."""
    embed = common.trace_embedding(model.model.language_model.embed_tokens)
    return {"embed_tokens": embed, "vision_encoder": trace_vision(model)}


def decoder_graphs(exact: onnx.ModelProto, four_bits: onnx.ModelProto) -> dict[str, onnx.ModelProto]:
    return {
        "decoder_model_merged": exact,
        "decoder_model_merged_fp16": common.as_float16(exact, ["inputs_embeds", "logits"]),
        "decoder_model_merged_q4": four_bits,
    }


def trace_vision(model: PreTrainedModel) -> onnx.ModelProto:
    vision = common.trace(
        Vision(model),
        (torch.randn(2, 3, SIZE, SIZE),),
        {"pixel_values": {0: common.BATCH}},
        {"image_features": {0: common.BATCH}},
    )
    return common.compact(vision)


def write(
    folder: Path,
    prompts: Prompts,
    model: PreTrainedModel,
    reference: dict[str, Any],
    graphs: dict[str, onnx.ModelProto],
    settings: dict[str, Any],
) -> None:
    name = {"gemma3": "Gemma3", "paligemma": "PaliGemma"}[model.config.model_type]
    images = "Gemma3" if name == "Gemma3" else "Siglip"
    kind = {"image_processor_type": f"{images}ImageProcessor", "processor_class": f"{name}Processor"}
    common.write_checkpoint(
        folder,
        graphs=graphs,
        config=model.config.to_dict() | {"architectures": [type(model).__name__]},
        preprocessor=prompts.images.to_dict() | kind | {"image_seq_length": prompts.tokens},
        processor={"processor_class": f"{name}Processor"} | settings,
        words=prompts.words,
        template=prompts.template,
        reference=reference,
    )
