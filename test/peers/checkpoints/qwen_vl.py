"""Qwen2-VL in the Concat style with a flat config.json; Qwen2.5-VL, Qwen3-VL and Qwen3.5 in the GroupQueryAttention style.

Qwen3-VL is made without DeepStack, as its graphs for transformers.js are. Two of Qwen3.5's three layers are linear
attention; its tower, which is Qwen3-VL's, is there in float32 alone. Needs pillow before version 13, which resizes one of the
pictures by columns first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.modeling_qwen2_vl import apply_rotary_pos_emb_vision

from . import common

PATCH, MERGE = 4, 2
HEAD, KERNEL = 16, 4
SURE = 0.05  # how far the best token must be ahead, so that float16 gives the same
SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
    *("<think>", "</think>"),
]
TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message.role != 'system' %}<|im_start|>system\nBe brief.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message.role }}\n"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
# Of three sizes before they are resized; the first and the last are of one size then.
IMAGES = [
    common.image(50, 38, x=7, y=3, c=60, xy=5),
    common.image(20, 61, x=2, y=9, c=15, xy=3),
    common.image(48, 38, x=1, y=12, c=90, xy=2),
]
PICTURES = [common.picture(one) for one in IMAGES]
TURNS = {
    "one image": [("user", 0, "What is in the image?")],
    "two images": [("user", "The left one:", 0, " the right one:", 1, " Are they the same?")],
    "two images of one size": [("user", 0, 2, "Are they the same?")],
    "none": [("user", "How many things are there?")],
    "later image": [("user", "Answer with one word."), ("assistant", "Yes."), ("user", "And here?", 1)],
}
BATCH = ["one image", "two images"]
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
}
TOWER = {
    "depth": 1,
    "num_heads": 2,
    "in_channels": 3,
    "patch_size": PATCH,
    "spatial_merge_size": MERGE,
    "temporal_patch_size": 2,
}
WITH_TABLE = TOWER | {
    "hidden_size": 16,
    "intermediate_size": 32,
    "out_hidden_size": 32,
    "num_position_embeddings": 16,
}


# ---- the vision graph ----------------------------------------------------------------------------------------------


class MaskedAttention(nn.Module):
    """The attention of a vision block, which is told by a mask which patches see each other."""

    def __init__(self, original: nn.Module) -> None:
        super().__init__()
        self.qkv, self.proj = original.qkv, original.proj
        self.heads, self.scaling = original.num_heads, original.scaling

    def forward(
        self, hidden: Tensor, cu_seqlens: Tensor, position_embeddings: tuple[Tensor, Tensor], **_: Any
    ) -> Tensor:
        bias = cu_seqlens  # (N, N): what the block passes on under this name
        query, key, value = self.qkv(hidden).reshape(hidden.shape[0], 3, self.heads, -1).unbind(1)
        query, key = apply_rotary_pos_emb_vision(query, key, *position_embeddings)
        scores = query.transpose(0, 1) @ key.permute(1, 2, 0) * self.scaling + bias
        mixed = scores.softmax(-1) @ value.transpose(0, 1)
        return self.proj(mixed.transpose(0, 1).reshape(hidden.shape[0], -1))


class Vision(nn.Module):
    """Tower and merger: pixel_values (N, C T P P), grid (images, 3) -> image_features (N / 4, D).

    Where patches lie, and which see each other, is computed from the grid, so that images may have any sizes.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.visual = copy.deepcopy(model.model.visual)
        for block in self.visual.blocks:
            block.attn = MaskedAttention(block.attn)
        config = self.visual.config
        # Qwen2.5-VL: all blocks but some see windows alone.
        self.window = getattr(config, "window_size", 0) // MERGE // PATCH
        self.whole = getattr(config, "fullatt_block_indexes", range(config.depth))

    def forward(self, pixel_values: Tensor, grid: Tensor) -> Tensor:
        places = torch.arange(pixel_values.shape[0])
        ends = grid.prod(1).cumsum(0)
        image = (places[:, None] >= ends[None]).long().sum(1)
        rows, columns = grid[:, 1][image], grid[:, 2][image]
        within = places - (ends - grid.prod(1))[image]
        square = within // MERGE**2
        inner = within % MERGE**2
        down, across = square // (columns // MERGE), square % (columns // MERGE)
        row, column = down * MERGE + inner // MERGE, across * MERGE + inner % MERGE

        hidden = self.visual.patch_embed(pixel_values)
        if hasattr(self.visual, "pos_embed"):
            hidden = hidden + self.learned(row, rows, column, columns)
        rotary = self.visual.rotary_pos_emb(hidden, torch.stack([row, column], dim=-1))
        of_one_image = same(image)
        masks = [bias(of_one_image)] * len(self.visual.blocks)
        if self.window:
            of_one_window = of_one_image & same(down // self.window) & same(across // self.window)
            masks = [
                bias(of_one_image if i in self.whole else of_one_window)
                for i in range(len(self.visual.blocks))
            ]
        for block, mask in zip(self.visual.blocks, masks, strict=True):
            hidden = block(hidden, cu_seqlens=mask, position_embeddings=rotary)
        return self.visual.merger(hidden)

    def learned(self, row: Tensor, rows: Tensor, column: Tensor, columns: Tensor) -> Tensor:
        """Qwen3-VL's table of positions, between whose entries it interpolates, corner upon corner."""
        side = self.visual.num_grid_per_side
        table = self.visual.pos_embed
        found: Tensor | float = 0.0
        for y, down in taps(row, rows, side):
            for x, across in taps(column, columns, side):
                found = found + table(y * side + x) * (down * across)[:, None]
        return found


def taps(index: Tensor, size: Tensor, side: int) -> list[tuple[Tensor, Tensor]]:
    """The two entries that a place lies between, with their weights."""
    at = index.float() * (side - 1) / (size - 1).clamp(min=1).float()
    below = at.floor()
    weight = at - below
    entry = below.long()
    return [(entry, 1 - weight), ((entry + 1).clamp(max=side - 1), weight)]


def same(labels: Tensor) -> Tensor:
    return labels[:, None] == labels[None]


def bias(seen: Tensor) -> Tensor:
    return torch.where(seen, 0.0, torch.finfo(torch.float32).min)


def trace_vision(model: PreTrainedModel, processor: Any, grid_name: str) -> onnx.ModelProto:
    """Trace the tower, and compare it with the model's own on images of two sizes."""
    vision = Vision(model).eval()
    given = processor.image_processor(PICTURES[:2], return_tensors="pt")
    pixels, grid = given["pixel_values"], given["image_grid_thw"]
    with torch.no_grad():
        expected = torch.cat(list(model.model.get_image_features(pixels, grid).pooler_output))
        torch.testing.assert_close(vision(pixels, grid), expected, atol=1e-4, rtol=1e-4)
    return common.compact(
        common.trace(
            vision,
            (pixels, grid),
            {"pixel_values": {0: "num_patches"}, grid_name: {0: "num_images"}},
            {"image_features": {0: "num_image_tokens"}},
        )
    )


def with_products(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with a MatMul and an Add in place of each Gemm, which linear layers on two axes become: 4 bits need them."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != "Gemm":
            nodes.append(node)
            continue
        source, weight, offset = node.input
        array = onnx.numpy_helper.to_array(weights[weight]).T
        weights[weight].CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(array), weight))
        path = node.name.rsplit("/", 1)[0]
        product = f"{path}/MatMul_output_0"
        nodes.append(onnx.helper.make_node("MatMul", [source, weight], [product], f"{path}/MatMul"))
        nodes.append(onnx.helper.make_node("Add", [product, offset], node.output, f"{path}/Add"))
    del graph.node[:]
    graph.node.extend(nodes)
    return made


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def make(out: Path) -> list[Path]:
    return [
        checkpoint(out / "qwen2-vl-concat", qwen2, Qwen2VLForConditionalGeneration),
        checkpoint(out / "qwen2.5-vl-gqa", qwen2_5, Qwen2_5_VLForConditionalGeneration),
        checkpoint(out / "qwen3-vl-gqa", qwen3, Qwen3VLForConditionalGeneration),
        checkpoint(out / "qwen3.5-gqa", qwen3_5, Qwen3_5ForConditionalGeneration),
    ]


def qwen2(words: PreTrainedTokenizerFast) -> Qwen2VLConfig:
    tower = TOWER | {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}
    return Qwen2VLConfig(text_config=TEXT | ids(words), vision_config=tower, **tokens(words))


def qwen2_5(words: PreTrainedTokenizerFast) -> Qwen2_5_VLConfig:
    tower = TOWER | {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 32,
        "out_hidden_size": 32,
        "window_size": 2 * PATCH * MERGE,
        "fullatt_block_indexes": [1],
    }
    return Qwen2_5_VLConfig(text_config=TEXT | ids(words), vision_config=tower, **tokens(words))


def qwen3(words: PreTrainedTokenizerFast) -> Qwen3VLConfig:
    tower = WITH_TABLE | {"deepstack_visual_indexes": []}
    rope = TEXT["rope_parameters"] | {"mrope_interleaved": True}
    text = TEXT | ids(words) | {"head_dim": HEAD, "rope_parameters": rope}
    return Qwen3VLConfig(text_config=text, vision_config=tower, **tokens(words))


def qwen3_5(words: PreTrainedTokenizerFast) -> Qwen3_5Config:
    rope = {"mrope_section": [2, 1, 1], "mrope_interleaved": True, "partial_rotary_factor": 0.5}
    text = TEXT | ids(words) | {
        "num_hidden_layers": 3,
        "layer_types": ["linear_attention", "full_attention", "linear_attention"],
        "head_dim": HEAD,
        "linear_conv_kernel_dim": KERNEL,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 1,
        "linear_num_value_heads": 2,
        "rope_parameters": TEXT["rope_parameters"] | rope,
    }
    return Qwen3_5Config(text_config=text, vision_config=WITH_TABLE, **tokens(words))


def ids(words: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": common.vocabulary_size(words),
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def tokens(words: PreTrainedTokenizerFast) -> dict[str, Any]:
    names = {"image": "<|image_pad|>", "video": "<|video_pad|>"}
    names |= {"vision_start": "<|vision_start|>", "vision_end": "<|vision_end|>"}
    found = {f"{name}_token_id": words.convert_tokens_to_ids(text) for name, text in names.items()}
    return found | {"eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}


def checkpoint(folder: Path, config: Callable[[Any], Any], model_class: type) -> Path:
    words, model, processor = made(config, model_class)
    kind = model.config.model_type
    embed = common.trace_embedding(model.model.language_model.embed_tokens)
    vision = trace_vision(model, processor, "grid_thw" if kind == "qwen2_vl" else "image_grid_thw")
    decoders = traced(model) if kind == "qwen2_vl" else built(model, words)
    graphs = {
        "embed_tokens": embed,
        "embed_tokens_fp16": common.as_float16(embed, []),
        "vision_encoder": vision,
        "decoder_model_merged": decoders["fp32"],
        "decoder_model_merged_fp16": in_float16(decoders["fp32"]),
        "decoder_model_merged_q4": decoders["q4"],
    }
    if kind != "qwen3_5":
        graphs["vision_encoder_fp16"] = common.as_float16(vision, ["pixel_values"])
        graphs["vision_encoder_q4"] = common.as_four_bits(with_products(vision))
    write(folder, model, processor, graphs)
    return folder


def traced(model: PreTrainedModel) -> dict[str, onnx.ModelProto]:
    decoder = common.trace_decoder(model.model.language_model, model.lm_head, planes=3)
    return {"fp32": decoder, "q4": common.as_four_bits(decoder)}


def built(model: PreTrainedModel, words: PreTrainedTokenizerFast) -> dict[str, onnx.ModelProto]:
    """The builder leaves the head size of the cache open, which transformers.js takes for 0."""
    decoders = {}
    for precision, name in {"fp32": "fp32", "q4": "int4"}.items():
        decoder = common.build_decoder(model, words, name)
        if model.config.model_type == "qwen3_5":
            common.with_hub_states(decoder, KERNEL)
        decoders[precision] = common.with_head_size(decoder, HEAD)
    return decoders


def in_float16(decoder: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in float16, but for what gates of linear attention take in float32 alone: biases and rates of decay."""
    half = common.as_float16(decoder, ["inputs_embeds", "logits"])
    gates = [node for node in decoder.graph.node if node.op_type == "LinearAttentionGate"]
    exact = {name for gate in gates for name in gate.input[1:3]}
    originals = {tensor.name: tensor for tensor in decoder.graph.initializer}
    for tensor in half.graph.initializer:
        if tensor.name in exact:
            tensor.CopyFrom(originals[tensor.name])
    return half


class Processor:
    """Qwen2VLProcessor without its part for films, which needs torchvision: as many image tokens as squares of patches."""

    def __init__(
        self, images: Qwen2VLImageProcessorPil, words: PreTrainedTokenizerFast, template: str
    ) -> None:
        self.image_processor, self.words, self.template = images, words, template

    def given(self, names: list[str]) -> dict[str, Tensor]:
        """The inputs of some cases."""
        texts = [
            self.words.apply_chat_template(
                common.messages(TURNS[name]),
                chat_template=self.template,
                add_generation_prompt=True,
                tokenize=False,
            )
            for name in names
        ]
        return self(texts, [[PICTURES[i] for i in common.images_of(TURNS[name])] for name in names])

    def __call__(self, texts: list[str], images: list[list[Any]]) -> dict[str, Tensor]:
        shown = [picture for row in images for picture in row]
        given = dict(self.image_processor(shown, return_tensors="pt")) if shown else {}
        counts = iter((given["image_grid_thw"].prod(-1) // MERGE**2).tolist() if shown else [])
        expanded = []
        for text in texts:
            first, *rest = text.split("<|image_pad|>")
            expanded.append(first + "".join("<|image_pad|>" * next(counts) + piece for piece in rest))
        made = self.words(expanded, padding=True, add_special_tokens=False, return_tensors="pt")
        is_image = made["input_ids"] == self.words.convert_tokens_to_ids("<|image_pad|>")
        both = {"input_ids": made["input_ids"], "attention_mask": made["attention_mask"]}
        return both | {"mm_token_type_ids": is_image.int()} | given


def made(config: Callable[[Any], Any], model_class: type) -> tuple[Any, ...]:
    """The first model whose answers differ and are sure, with its words and processor."""
    words = common.tokenizer(SPECIAL, bos="<|endoftext|>", eos="<|im_end|>", pad="<|endoftext|>", merges=20)
    half = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3} if config in (qwen3, qwen3_5) else {}
    images = Qwen2VLImageProcessorPil(
        size={"shortest_edge": 256, "longest_edge": 1024},
        patch_size=PATCH,
        merge_size=MERGE,
        temporal_patch_size=2,
        **half,
    )
    processor = Processor(images, words, THINKING if config is qwen3_5 else TEMPLATE)

    def one(seed: int) -> PreTrainedModel:
        own = config(words)
        own._attn_implementation = "eager"
        model = model_class._from_config(own, attn_implementation="eager").eval()
        common.randomise(model, seed)
        if config is qwen3_5:
            remember(model)
        return model

    return words, common.first_seed(one, lambda model: is_sure(model, processor), seeds=400), processor


def remember(model: PreTrainedModel) -> None:
    """Norms of Qwen3.5 add 1 to their weights; its states fade by exp(A_log) a token. Changes ``model``."""
    with torch.no_grad():
        for name, parameter in model.model.language_model.named_parameters():
            if name.endswith("A_log"):
                parameter.copy_((parameter - 4).half().float())
            elif name.endswith("norm.weight") and not name.endswith("linear_attn.norm.weight"):
                parameter.sub_(1.0)


def is_sure(model: PreTrainedModel, processor: Processor) -> bool:
    answers = []
    for name in TURNS:
        answer, lead = common.greedy_lead(model, processor.given([name]))
        answers.append(answer)
        if lead < SURE or not common.differ(answers):
            return False
    return True


def reference(model: PreTrainedModel, processor: Processor) -> dict[str, Any]:
    return {
        "images": IMAGES,
        "cases": {name: case(model, processor, name) for name in TURNS},
        "batch": {"rows": BATCH, "greedy": common.greedy(model, processor.given(BATCH))},
        "attention": {name: common.last_attention(model, processor.given([name])) for name in BATCH},
    }


def case(model: PreTrainedModel, processor: Processor, name: str) -> dict[str, Any]:
    inputs = processor.given([name])
    seen: list[Tensor] = []

    def keep_positions(_: nn.Module, __: tuple, given: dict[str, Any]) -> None:
        seen.append(given["position_ids"])

    hook = model.model.language_model.register_forward_pre_hook(keep_positions, with_kwargs=True)
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1]
    hook.remove()
    length = inputs["input_ids"].shape[1]
    # None where there is no image: the model then counts the tokens.
    positions = torch.arange(length).expand(3, 1, length) if seen[0] is None else seen[0][-3:]
    vision = []
    for i in common.images_of(TURNS[name]):
        alone = processor.image_processor([PICTURES[i]], return_tensors="np")
        vision.append({
            "pixel_values": common.described(alone["pixel_values"].astype("float32")),
            "image_grid_thw": common.described(np.asarray(alone["image_grid_thw"])),
        })
    [answer] = common.greedy(model, inputs)
    tokens = inputs["input_ids"][0].tolist()
    return common.case(common.as_parts(TURNS[name]), tokens, positions[:, 0].tolist(), vision, logits, answer)


def write(
    folder: Path, model: PreTrainedModel, processor: Processor, graphs: dict[str, onnx.ModelProto]
) -> None:
    config = model.config.to_dict() | {"architectures": [type(model).__name__]}
    if config["model_type"] == "qwen2_vl":
        config = flat(config)
    name = type(model).__name__.removesuffix("ForConditionalGeneration")
    # Qwen3.5 has the processor of Qwen3-VL.
    name = "Qwen3VLProcessor" if name == "Qwen3_5" else f"{name}Processor"
    kind = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": name}
    common.write_checkpoint(
        folder,
        graphs=graphs,
        config=config,
        preprocessor=processor.image_processor.to_dict() | kind,
        processor={"processor_class": name},
        words=processor.words,
        template=processor.template,
        reference=reference(model, processor),
    )


def flat(config: dict[str, Any]) -> dict[str, Any]:
    """As the first checkpoints had it: the decoder's fields beside the others."""
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    text.pop("model_type")
    scaling = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    return text | {"rope_theta": rope["rope_theta"], "rope_scaling": scaling} | config
