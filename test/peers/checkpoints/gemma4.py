"""Gemma 4 in the Concat style: inputs of each layer for each token, a layer that shares another's keys and values.

One layer sees a window, the others all; these have fewer and larger heads, and take keys for values. The embedding graph in
32 and 16 bits gives image tokens what padding has; the one in 4 bits leaves that to whoever feeds it. All graphs are made in
fp32, fp16 and q4; that of sounds stands in for one, as nothing is heard here.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import helper
from torch import Tensor, nn
from transformers import Gemma4Config, Gemma4ForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.gemma4.image_processing_pil_gemma4 import Gemma4ImageProcessorPil

from . import common

PATCH, POOL, MOST_TOKENS, PLACES = 4, 2, 70, 40
HIDDEN, LAYER_INPUT = 32, 8
LAYERS = ["sliding_attention", "full_attention", "full_attention"]
SHARED = 1
# Longer than all prompts here: in graphs of this style, the loader keeps prompts within it.
WINDOW = 384
# Heads of keys and values, and their size, of each layer that keeps some.
CACHE = [(2, 16), (1, 32)]
# What each layer's output is multiplied by.
SCALES = [0.75, 1.25, 0.875]
IMAGE = "<|image|>"
NAMED = {
    "image_token": IMAGE,
    "boi_token": "<|image>",
    "eoi_token": "<image|>",
    "audio_token": "<|audio|>",
    "boa_token": "<|audio>",
    "eoa_token": "<audio|>",
}
SPECIAL = ["<pad>", "<bos>", "<|turn>", "<turn|>", *NAMED.values(), "<|video|>"]
TEMPLATE = (
    "<bos>{% for message in messages %}"
    "<|turn>{% if message.role == 'assistant' %}model{% else %}{{ message.role }}{% endif %}\n"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}{{ '\\n\\n<|image|>\\n\\n' }}{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<turn|>\n{% endfor %}{% if add_generation_prompt %}<|turn>model\n{% endif %}"
)
# The first is made smaller, the second larger. Pillow 13 resizes some tall pictures by columns first: none is among these.
IMAGES = [common.image(110, 84, x=7, y=3, c=60, xy=5), common.image(61, 30, x=2, y=9, c=15, xy=3)]
TURNS = {
    "one image": [("user", 0, "What is in the image?")],
    "two images": [("user", "The left one:", 0, " the right one:", 1, " Are they the same?")],
    "none": [("user", "How many things are there?")],
    "later image": [("user", "Answer with one word."), ("assistant", "Yes."), ("user", "And here?", 1)],
}
BATCH = ["one image", "two images"]


# ---- graphs --------------------------------------------------------------------------------------------------------


class Embeddings(nn.Module):
    """input_ids (B, Q) -> inputs_embeds (B, Q, D), per_layer_inputs (B, Q, layers, d)."""

    def __init__(self, model: nn.Module, stand_ins: dict[int, int]) -> None:
        super().__init__()
        self.embed_tokens, self.embed_tokens_per_layer = model.embed_tokens, model.embed_tokens_per_layer
        self.stand_ins = stand_ins

    def forward(self, input_ids: Tensor) -> tuple[Tensor, Tensor]:
        for token, other in self.stand_ins.items():
            input_ids = torch.where(input_ids == token, other, input_ids)
        per_layer = self.embed_tokens_per_layer(input_ids)
        return self.embed_tokens(input_ids), per_layer.unflatten(-1, (len(LAYERS), LAYER_INPUT))


class Vision(nn.Module):
    """Tower and projection: pixel_values (images, patches, 3 P P), their places -> image_features (tokens, D)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.vision_tower = copy.deepcopy(model.vision_tower)
        self.embed_vision = model.embed_vision

    def forward(self, pixel_values: Tensor, pixel_position_ids: Tensor) -> Tensor:
        tower = self.vision_tower
        is_padding = (pixel_position_ids == -1).all(dim=-1)
        hidden = tower.patch_embedder(pixel_values, pixel_position_ids, is_padding)
        bias = torch.where(is_padding, torch.finfo(torch.float32).min, 0.0)[:, None, None]
        rotary = tower.encoder.rotary_emb(hidden, pixel_position_ids)
        for layer in tower.encoder.layers:
            hidden = layer(
                hidden,
                attention_mask=bias,
                position_embeddings=rotary,
                position_ids=pixel_position_ids,
            )
        hidden, is_token = tower.pooler(
            hidden_states=hidden,
            pixel_position_ids=pixel_position_ids,
            padding_positions=is_padding,
            output_length=MOST_TOKENS,
        )
        return self.embed_vision(hidden[is_token])


class Decoder(nn.Module):
    """The language model with its head; keys and values of the layers that have some."""

    def __init__(self, model: Gemma4ForConditionalGeneration) -> None:
        super().__init__()
        self.model, self.lm_head = model.model.language_model, model.lm_head
        self.cap = model.config.text_config.final_logit_softcapping

    def forward(
        self,
        embeds: Tensor,
        per_layer: Tensor,
        mask: Tensor,
        positions: Tensor,
        keep: Tensor,
        *past: Tensor,
    ) -> tuple[Tensor, ...]:
        cache = common.KeyValueCache(list(zip(past[0::2], past[1::2], strict=True)))
        length, total = embeds.shape[1], mask.shape[1]
        whole = common.attention_bias(mask, length)
        keys = torch.arange(total)
        near = keys[None, :] > keys[total - length :][:, None] - WINDOW
        hidden = self.model(
            inputs_embeds=embeds,
            per_layer_inputs=per_layer,
            attention_mask={
                "full_attention": whole,
                "sliding_attention": torch.where(near, whole, torch.finfo(torch.float32).min),
            },
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        logits = torch.tanh(self.lm_head(hidden[:, -keep:]) / self.cap) * self.cap
        return logits, *(tensor for layer in cache.layers for tensor in layer)


def trace_embedding(model: Gemma4ForConditionalGeneration, stand_ins: dict[int, int]) -> onnx.ModelProto:
    per_token = {0: common.BATCH, 1: common.SEQUENCE}
    return common.compact(
        common.trace(
            Embeddings(model.model.language_model, stand_ins),
            (torch.ones(2, 3, dtype=torch.int64),),
            {"input_ids": per_token},
            {"inputs_embeds": per_token, "per_layer_inputs": per_token},
        )
    )


def trace_vision(model: Gemma4ForConditionalGeneration, images: Gemma4ImageProcessorPil) -> onnx.ModelProto:
    """Trace the tower, and compare it with the model's own on images of two sizes."""
    vision = Vision(model.model).eval()
    given = images([common.picture(one) for one in IMAGES], return_tensors="pt")
    pixels, places = given["pixel_values"].float(), given["image_position_ids"]
    with torch.no_grad():
        expected = torch.cat(list(model.model.get_image_features(pixels, places).pooler_output))
        torch.testing.assert_close(vision(pixels, places), expected, atol=1e-4, rtol=1e-4)
    per_image = {0: "num_images"}
    return common.compact(
        common.trace(
            vision,
            (pixels, places),
            {"pixel_values": per_image, "pixel_position_ids": per_image},
            {"image_features": {0: "num_image_tokens"}},
        )
    )


def trace_decoder(model: Gemma4ForConditionalGeneration) -> onnx.ModelProto:
    # Different lengths, so that the tracer cannot take one for another.
    batch, length, before = 2, 3, 5
    per_token = {0: common.BATCH, 1: common.SEQUENCE}
    names = [f"{i}.{kind}" for i in range(len(CACHE)) for kind in ("key", "value")]
    inputs: dict[str, dict[int, str]] = {
        "inputs_embeds": per_token,
        "per_layer_inputs": per_token,
        "attention_mask": {0: common.BATCH, 1: common.TOTAL},
        "position_ids": per_token,
        "num_logits_to_keep": {},
        **{f"past_key_values.{name}": {0: common.BATCH, 2: common.PAST} for name in names},
    }
    outputs = {
        "logits": {0: common.BATCH, 1: "num_logits"},
        **{f"present.{name}": {0: common.BATCH, 2: common.TOTAL} for name in names},
    }
    arguments = (
        torch.randn(batch, length, HIDDEN),
        torch.randn(batch, length, len(LAYERS), LAYER_INPUT),
        torch.ones(batch, before + length, dtype=torch.int64),
        torch.arange(before, before + length).expand(batch, length).contiguous(),
        torch.tensor(1),
        *(torch.randn(batch, heads, before, size) for heads, size in CACHE for _ in range(2)),
    )
    # A set otherwise, whose order, and so the graph's, is another in each process.
    model.model.language_model.unique_layer_types = list(dict.fromkeys(LAYERS))
    return common.compact(common.trace(Decoder(model), arguments, inputs, outputs))


# ---- the checkpoint ------------------------------------------------------------------------------------------------


def make(out: Path) -> list[Path]:
    return [concat(out / "gemma4-concat")]


def concat(folder: Path) -> Path:
    words, model, images, reference = made()
    pad = words.pad_token_id
    others = (IMAGE, "<|audio|>", "<|video|>")
    embed = trace_embedding(model, {words.convert_tokens_to_ids(token): pad for token in others})
    vision, decoder = trace_vision(model, images), trace_decoder(model)
    settings = images.to_dict() | {"image_processor_type": "Gemma4ImageProcessor"}
    graphs = {
        # What stock transformers.js opens, and nobody runs.
        "audio_encoder_fp16": audio_stand_in(),
        "audio_encoder_q4": audio_stand_in(),
        "audio_encoder": audio_stand_in(),
        "embed_tokens_fp16": common.as_float16(embed, []),
        "embed_tokens_q4": store(trace_embedding(model, {})),
        "embed_tokens": store(embed),
        "vision_encoder_fp16": common.as_float16(vision, ["pixel_values"]),
        "vision_encoder_q4": common.as_four_bits(vision),
        "vision_encoder": store(vision),
        "decoder_model_merged_fp16": common.as_float16(
            decoder, ["inputs_embeds", "per_layer_inputs", "logits"]
        ),
        "decoder_model_merged_q4": common.as_four_bits(decoder),
        "decoder_model_merged": store(decoder),
    }
    common.write_checkpoint(
        folder,
        graphs={name: shorten(graph) for name, graph in graphs.items()},
        config=model.config.to_dict()
        | {"architectures": [type(model).__name__], "eos_token_id": [words.eos_token_id]},
        preprocessor=settings | {"processor_class": "Gemma4Processor"},
        processor={
            "processor_class": "Gemma4Processor",
            "image_processor": settings,
            "image_seq_length": MOST_TOKENS,
        },
        words=words,
        template=TEMPLATE,
        reference=reference,
    )
    path = folder / "tokenizer_config.json"
    common.write_json(path, json.loads(path.read_text()) | NAMED)
    return folder


def audio_stand_in() -> onnx.ModelProto:
    """A graph of the audio tower's inputs and outputs that passes on what it is given."""
    float32, boolean = onnx.TensorProto.FLOAT, onnx.TensorProto.BOOL
    given = [
        helper.make_tensor_value_info("input_features", float32, ["num_tokens", HIDDEN]),
        helper.make_tensor_value_info("input_features_mask", boolean, ["num_tokens"]),
    ]
    made = [helper.make_tensor_value_info("audio_features", float32, ["num_tokens", HIDDEN])]
    node = helper.make_node("Identity", ["input_features"], ["audio_features"])
    graph = helper.make_graph([node], "audio", given, made)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def shorten(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give values within the graph short names; nodes keep theirs, the paths of modules. Changes ``model``."""
    kept = {value.name for value in model.graph.output}
    made = [name for node in model.graph.node for name in node.output if name and name not in kept]
    short = {name: f"v{i}" for i, name in enumerate(made)}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [short.get(name, name) for name in names]
    del model.graph.value_info[:]
    return model


def store(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that keeps its weights in 16 bits, which hold them exactly, and computes in 32."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    return common.store_as_float16(made)


def config(words: PreTrainedTokenizerFast) -> Gemma4Config:
    size = common.vocabulary_size(words)
    ids = {
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
    }
    text = {
        "vocab_size": size,
        "vocab_size_per_layer_input": size,
        "hidden_size": HIDDEN,
        "hidden_size_per_layer_input": LAYER_INPUT,
        "intermediate_size": 32,
        "num_hidden_layers": len(LAYERS),
        "num_kv_shared_layers": SHARED,
        "layer_types": LAYERS,
        "sliding_window": WINDOW,
        "num_attention_heads": 2,
        "num_key_value_heads": CACHE[0][0],
        "head_dim": CACHE[0][1],
        "num_global_key_value_heads": CACHE[1][0],
        "global_head_dim": CACHE[1][1],
        "attention_k_eq_v": True,
        "max_position_embeddings": 512,
        "final_logit_softcapping": 30.0,
        **ids,
    }
    vision = {
        "hidden_size": HIDDEN,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "patch_size": PATCH,
        "pooling_kernel_size": POOL,
        "position_embedding_size": PLACES,
    }
    names = {"image": IMAGE, "boi": "<|image>", "eoi": "<image|>", "video": "<|video|>"}
    names |= {"audio": "<|audio|>", "boa": "<|audio>"}
    return Gemma4Config(
        text_config=text,
        vision_config=vision,
        audio_config=None,
        eoa_token_index=words.convert_tokens_to_ids("<audio|>"),
        **{f"{name}_token_id": words.convert_tokens_to_ids(token) for name, token in names.items()},
        **ids,
    )


class Processor:
    """Gemma4Processor without its parts for sound and films, which need torchvision and more."""

    def __init__(self, images: Gemma4ImageProcessorPil, words: PreTrainedTokenizerFast) -> None:
        self.images, self.words = images, words

    def __call__(self, rows: list[list[tuple]]) -> dict[str, Tensor]:
        shown = [common.picture(IMAGES[i]) for turns in rows for i in common.images_of(turns)]
        given = self.images(shown, return_tensors="pt") if shown else {}
        counts = iter(given["num_soft_tokens_per_image"].tolist() if shown else [])
        texts = []
        for turns in rows:
            first, *rest = self.prompt(turns).split(IMAGE)
            texts.append(
                first + "".join(f"<|image>{IMAGE * next(counts)}<image|>{piece}" for piece in rest)
            )
        made = self.words(texts, padding=True, add_special_tokens=False, return_tensors="pt")
        both = {"input_ids": made["input_ids"], "attention_mask": made["attention_mask"]}
        if not shown:
            return both
        places = given["image_position_ids"]
        return both | {"pixel_values": given["pixel_values"].float(), "image_position_ids": places}

    def prompt(self, turns: list[tuple]) -> str:
        return self.words.apply_chat_template(
            common.messages(turns), chat_template=TEMPLATE, add_generation_prompt=True, tokenize=False
        )


def made() -> tuple[Any, ...]:
    """The first model whose answers differ, with its words, image processor and reference."""
    words = common.tokenizer(SPECIAL, bos="<bos>", eos="<turn|>", pad="<pad>")
    images = Gemma4ImageProcessorPil(
        patch_size=PATCH, pooling_kernel_size=POOL, max_soft_tokens=MOST_TOKENS
    )
    processor = Processor(images, words)

    def one(seed: int) -> tuple[Any, ...]:
        own = config(words)
        model = Gemma4ForConditionalGeneration._from_config(own, attn_implementation="eager").eval()
        common.randomise(model, seed)
        temper(model)
        return words, model, images, reference(model, processor)

    return common.first_seed(
        one, lambda found: common.differ(case["greedy"] for case in found[3]["cases"].values())
    )


def temper(model: Gemma4ForConditionalGeneration) -> None:
    """Blunt attention, which has no scale but its norms', and scale what the layers give. Changes ``model``."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("q_norm.weight"):
                parameter.mul_(0.5)
        for layer, scale in zip(model.model.language_model.layers, SCALES, strict=True):
            layer.layer_scalar.fill_(scale)


def reference(model: Gemma4ForConditionalGeneration, processor: Processor) -> dict[str, Any]:
    return {
        "images": IMAGES,
        "cases": {name: case(model, processor, turns) for name, turns in TURNS.items()},
        "batch": {
            "rows": BATCH,
            "greedy": common.greedy(model, processor([TURNS[name] for name in BATCH])),
        },
    }


def case(model: Gemma4ForConditionalGeneration, processor: Processor, turns: list[tuple]) -> dict[str, Any]:
    inputs = processor([turns])
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1]
    tokens = inputs["input_ids"][0].tolist()
    vision = []
    for i in common.images_of(turns):
        alone = processor.images([common.picture(IMAGES[i])], return_tensors="np")
        vision.append({
            "pixel_values": common.described(alone["pixel_values"].astype("float32")),
            "pixel_position_ids": common.described(alone["image_position_ids"].astype("int64")),
        })
    [answer] = common.greedy(model, inputs)
    return common.case(common.as_parts(turns), tokens, [list(range(len(tokens)))], vision, logits, answer)
