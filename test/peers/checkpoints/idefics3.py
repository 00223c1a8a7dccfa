"""Idefics3 in the Concat style, images cut into tiles; SmolVLM in the GroupQueryAttention style, images whole.

Idefics3 is made in fp32. SmolVLM is made in fp32, fp16, q4 (embeddings are not, having no products) and q8, with a
decoder in q4f16; one reference holds for all of them but those in ``PRECISIONS``, whose own greedy tokens are recorded.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor

from . import common

TILE, PATCH, SHUFFLE, MOST_TILES = 32, 8, 2, 3
HEAD = 16
SEQUENCE = (TILE // PATCH // SHUFFLE) ** 2
ROWS = [f"<row_{r + 1}_col_{c + 1}>" for r in range(MOST_TILES) for c in range(MOST_TILES)]
SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<image>"),
    *("<end_of_utterance>", "<global-img>"),
    *ROWS,
]
TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message.role | capitalize }}:"
    "{% if message.content[0].type != 'image' %} {% endif %}"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
WIDE = common.image(50, 40, x=7, y=3, c=60, xy=5)
TALL = common.image(30, 61, x=2, y=9, c=15, xy=3)
# Pillow 13 resizes some tall pictures by columns first, versions before it never: no such picture is among these.
BROAD = common.image(61, 30, x=2, y=9, c=15, xy=3)
TURNS = {
    "one image": [("user", 0, "What is in the image?")],
    "two images": [("user", "The left one:", 0, " the right one:", 1, " Are they the same?")],
    "none": [("user", "How many things are there?")],
    "later image": [("user", "Answer with one word."), ("assistant", " Yes."), ("user", "And here?", 1)],
}
BATCH = ["one image", "two images"]
# Inputs of the vision graph.
VISION = {"pixel_values": "float32", "pixel_attention_mask": "bool"}
# How files of a precision end.
ENDINGS = {"fp16": "_fp16", "q8": "_quantized", "q4": "_q4", "q4f16": "_q4f16"}
# Of SmolVLM, those whose answers are the graphs' own: both round what a prompt becomes.
PRECISIONS = [
    {"embed_tokens": "q8", "vision_encoder": "q8", "decoder_model_merged": "q8"},
    {"embed_tokens": "fp16", "vision_encoder": "q4", "decoder_model_merged": "q4f16"},
]
RUN_BY_GRAPHS = ["one image", "two images", "none"]


class Embeddings(nn.Module):
    """What Idefics3VisionEmbeddings computes, in operators that the tracer gives the right types."""

    def __init__(self, original: nn.Module) -> None:
        super().__init__()
        self.patch_embedding = original.patch_embedding
        self.position_embedding = original.position_embedding
        side = original.num_patches_per_side
        self.register_buffer("boundaries", torch.arange(1 / side, 1.0, 1 / side))
        self.register_buffer("indices", torch.arange(side, dtype=torch.float32))
        self.side = side

    def forward(self, pixel_values: Tensor, patch_attention_mask: Tensor) -> Tensor:
        patches = self.patch_embedding(pixel_values).flatten(2).transpose(1, 2)
        seen = patch_attention_mask.long()
        rows = self.buckets(seen[:, :, 0].sum(1))
        columns = self.buckets(seen[:, 0, :].sum(1))
        places = rows[:, :, None] * self.side + columns[:, None, :]
        return patches + self.position_embedding((places * seen).flatten(1))

    def buckets(self, counts: Tensor) -> Tensor:
        steps = self.indices[None] * (1.0 / counts.float())[:, None]
        return (steps.clamp(max=1.0 - 1e-6)[:, :, None] >= self.boundaries).long().sum(-1)


class Vision(nn.Module):
    """Tower and connector; pixel_values (B, N, 3, H, W) and their mask -> image_features (tiles, tokens, D).

    Tiles that are zero throughout are left out, as in Idefics3Model.get_image_features.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.vision_model = copy.deepcopy(model.model.vision_model)
        self.vision_model.embeddings = Embeddings(self.vision_model.embeddings)
        self.connector = model.model.connector

    def forward(self, pixel_values: Tensor, pixel_attention_mask: Tensor) -> Tensor:
        pixels = pixel_values.flatten(0, 1)
        seen = (pixels != 0).any(dim=-1).any(dim=-1).any(dim=-1)
        mask = pixel_attention_mask.flatten(0, 1)[seen].float()
        side = TILE // PATCH
        patches = mask.reshape(-1, side, PATCH, side, PATCH).sum(dim=(2, 4)) > 0
        hidden = self.vision_model(pixel_values=pixels[seen], patch_attention_mask=patches)
        return self.connector(hidden.last_hidden_state)


def make(out: Path) -> list[Path]:
    return [concat(out / "idefics3-concat"), group_query(out / "smolvlm-gqa")]


def concat(folder: Path) -> Path:
    words, model, processor, reference = made(Idefics3Config, Idefics3ForConditionalGeneration, True)
    write(folder, words, model, processor, reference, {
        "embed_tokens": common.trace_embedding(model.model.text_model.embed_tokens),
        "vision_encoder": trace_vision(model),
        "decoder_model_merged": common.trace_decoder(model.model.text_model, model.lm_head),
    })
    return folder


def group_query(folder: Path) -> Path:
    words, model, processor, reference = made(SmolVLMConfig, SmolVLMForConditionalGeneration, False)
    causal = LlamaForCausalLM(model.config.text_config)
    causal.model.load_state_dict(model.model.text_model.state_dict())
    causal.lm_head.load_state_dict(model.lm_head.state_dict())
    embed = common.trace_embedding(model.model.text_model.embed_tokens)
    vision = trace_vision(model)
    decoder = common.with_head_size(common.build_decoder(causal, words, "fp32"), HEAD)
    # It keeps the symbol of the head size, as such files are found, too.
    four_bits = common.build_decoder(causal, words, "int4")
    exact = ["inputs_embeds", "logits"]
    graphs = {
        "embed_tokens": embed,
        "embed_tokens_fp16": common.as_float16(embed, []),
        "embed_tokens_quantized": common.as_eight_bits(embed),
        "vision_encoder": vision,
        "vision_encoder_fp16": common.as_float16(vision, ["pixel_values"]),
        "vision_encoder_q4": common.as_four_bits(vision),
        "vision_encoder_quantized": common.as_eight_bits(vision),
        "decoder_model_merged": decoder,
        "decoder_model_merged_fp16": common.as_float16(decoder, exact),
        "decoder_model_merged_q4": four_bits,
        "decoder_model_merged_q4f16": common.with_head_size(common.as_float16(four_bits, exact), HEAD),
        "decoder_model_merged_quantized": common.as_eight_bits(decoder),
    }
    given = {name: inputs_of(processor, name) for name in RUN_BY_GRAPHS}
    image_token = model.config.image_token_id
    reference["graphs"] = [
        {
            "dtypes": dtypes,
            "greedy": {name: greedy_of(graphs, dtypes, inputs, image_token) for name, inputs in given.items()},
        }
        for dtypes in PRECISIONS
    ]
    write(folder, words, model, processor, reference, graphs)
    return folder


def made(config_class: type, model_class: type, splits: bool) -> tuple[Any, ...]:
    """The first model whose answers differ, with its words, processor and reference."""
    words = common.tokenizer(SPECIAL, bos="<|im_start|>", eos="<end_of_utterance>", pad="<|im_end|>")
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": MOST_TILES * TILE},
        max_image_size={"longest_edge": TILE},
        do_image_splitting=splits,
    )
    processor = Idefics3Processor(images, words, image_seq_len=SEQUENCE, chat_template=TEMPLATE)

    def one(seed: int) -> tuple[Any, ...]:
        model = model_class(config(config_class, words)).eval()
        common.randomise(model, seed)
        images = images_of(processor)
        return words, model, processor, common.processor_reference(model, processor, images, TURNS, BATCH, VISION)

    found = common.first_seed(
        one, lambda found: common.differ(case["greedy"] for case in found[3]["cases"].values())
    )
    _, model, _, reference = found
    reference["attention"] = {name: common.last_attention(model, inputs_of(processor, name)) for name in BATCH}
    return found


def images_of(processor: Idefics3Processor) -> list[dict[str, int]]:
    return [WIDE, TALL if processor.image_processor.do_image_splitting else BROAD]


def inputs_of(processor: Idefics3Processor, name: str) -> dict[str, Tensor]:
    """A case as the model takes it."""
    prompt = processor.apply_chat_template(common.messages(TURNS[name]), add_generation_prompt=True)
    shown = [common.picture(images_of(processor)[i]) for i in common.images_of(TURNS[name])]
    return dict(processor(text=prompt, images=[shown] if shown else None, return_tensors="pt"))


def greedy_of(
    graphs: dict[str, onnx.ModelProto], dtypes: dict[str, str], inputs: dict[str, Tensor], image_token: int
) -> list[int]:
    """Greedy tokens behind a prompt, by the graphs of these precisions.

    The prompt is prefilled in the pieces that Groundsight cuts it into, behind its images: in int8, scales of
    activations depend on what is computed together.
    """
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    embed, vision, decoder = (
        onnxruntime.InferenceSession(graphs[name + ENDINGS[dtype]].SerializeToString(), settings)
        for name, dtype in dtypes.items()
    )

    def embedded(tokens: np.ndarray) -> np.ndarray:
        return embed.run(None, {"input_ids": tokens})[0].astype(np.float32)

    prompt = inputs["input_ids"].numpy()
    embeds = embedded(prompt)
    is_image = prompt == image_token
    if is_image.any():
        given = {name: inputs[name].numpy().astype(kind) for name, kind in VISION.items()}
        embeds[is_image] = vision.run(None, given)[0].reshape(-1, embeds.shape[-1])
    pieces = np.split(embeds, np.flatnonzero(is_image)[-1:] + 1, axis=1)
    kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    cache = {
        one.name: np.zeros((1, one.shape[1], 0, one.shape[3]), kinds[one.type])
        for one in decoder.get_inputs()
        if one.name.startswith("past_key_values.")
    }
    outputs = [name.replace("past_key_values", "present") for name in cache]
    answer: list[int] = []
    seen = 0
    while len(answer) < common.GREEDY_TOKENS:
        for piece in pieces:
            seen += piece.shape[1]
            mask = np.ones((1, seen), np.int64)
            fed = {"inputs_embeds": piece, "attention_mask": mask, **cache}
            logits, *present = decoder.run(["logits", *outputs], fed)
            cache = dict(zip(cache, present, strict=True))
        answer.append(int(logits[0, -1].argmax()))
        pieces = [embedded(np.array([answer[-1:]]))]
    return answer


def config(config_class: type, words: PreTrainedTokenizerFast) -> Any:
    ids = {
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
    }
    text = LlamaConfig(
        vocab_size=common.vocabulary_size(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=HEAD,
        max_position_embeddings=512,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        attn_implementation="eager",
        **ids,
    )
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": TILE,
        "patch_size": PATCH,
    }
    return config_class(
        text_config=text.to_dict(),
        vision_config=vision,
        scale_factor=SHUFFLE,
        image_token_id=words.convert_tokens_to_ids("<image>"),
        attn_implementation="eager",
        **ids,
    )


def trace_vision(model: PreTrainedModel) -> onnx.ModelProto:
    tiles = {0: common.BATCH, 1: "num_tiles"}
    pixels = torch.randn(2, 3, 3, TILE, TILE)
    mask = torch.ones(2, 3, TILE, TILE, dtype=torch.bool)
    return common.compact(
        common.trace(
            Vision(model),
            (pixels, mask),
            {"pixel_values": tiles, "pixel_attention_mask": tiles},
            {"image_features": {0: "num_images"}},
        )
    )


def write(
    folder: Path,
    words: PreTrainedTokenizerFast,
    model: PreTrainedModel,
    processor: Idefics3Processor,
    reference: dict[str, Any],
    graphs: dict[str, onnx.ModelProto],
) -> None:
    # It would keep the padding of its last batch.
    words.backend_tokenizer.no_padding()
    name = "Idefics3" if model.config.model_type == "idefics3" else "SmolVLM"
    images = processor.image_processor.to_dict()
    common.write_checkpoint(
        folder,
        graphs=graphs,
        config=model.config.to_dict() | {"architectures": [type(model).__name__]},
        preprocessor=images | {"image_processor_type": f"{name}ImageProcessor", "processor_class": f"{name}Processor"},
        processor={"processor_class": f"{name}Processor", "image_seq_len": SEQUENCE},
        words=words,
        template=TEMPLATE,
        reference=reference,
    )
