"""LFM2-VL in the GroupQueryAttention style: short convolutions around a layer of attention, large images cut into tiles.

All graphs are made in fp32, the decoder in fp16 and q4 too, the tower in q4. Needs torchvision, with which the image
processor resizes.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from transformers import (
    Lfm2Config,
    Lfm2ForCausalLM,
    Lfm2VlConfig,
    Lfm2VlForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor
from transformers.models.lfm2_vl.processing_lfm2_vl import Lfm2VlProcessor

from . import common

PATCH, FACTOR, TILE, MOST_TILES = 8, 2, 32, 4
WIDTH, HEAD, KERNEL, SIDE = 32, 16, 3, 4
PLACES = [
    f"<|img_row_{row}_col_{column}|>"
    for row in range(1, MOST_TILES + 1)
    for column in range(1, MOST_TILES // row + 1)
]
SPECIAL = [
    *("<|pad|>", "<|startoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<image>", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>"),
    *PLACES,
]
TEMPLATE = (
    "<|startoftext|>{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# One that is not cut, one of two tiles side by side and one of three below each other.
IMAGES = [
    common.image(50, 38, x=7, y=3, c=60, xy=5),
    common.image(100, 52, x=2, y=9, c=15, xy=3),
    common.image(40, 130, x=1, y=12, c=90, xy=2),
]
TURNS = {
    "one image": [("user", 0, "What is in the image?")],
    "two images": [("user", "The left one:", 0, " the right one:", 1, " Are they the same?")],
    "tall image": [("user", 2, "What is in the image?")],
    "none": [("user", "How many things are there?")],
    "later image": [("user", "Answer with one word."), ("assistant", "Yes."), ("user", "And here?", 1)],
}
BATCH = ["one image", "two images"]
# Inputs of the vision graph.
VISION = {"pixel_values": "float32", "pixel_attention_mask": "int64", "spatial_shapes": "int64"}


# ---- the vision graph ----------------------------------------------------------------------------------------------


class Vision(nn.Module):
    """Tower and projector: patches (N, P, numbers), their mask (N, P) and shapes (N, 2) -> image_features (tokens, D).

    Where patches lie, and which become one token, is computed from the shapes, so that pieces may have any sizes.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.tower = copy.deepcopy(model.model.vision_tower)
        self.projector = model.model.multi_modal_projector

    def forward(self, pixel_values: Tensor, pixel_attention_mask: Tensor, spatial_shapes: Tensor) -> Tensor:
        length = pixel_values.shape[1]
        rows, columns = spatial_shapes[:, :1], spatial_shapes[:, 1:]
        places = torch.arange(length)[None]
        # Padding is put in the last row: what becomes of it is not used.
        row = torch.minimum(places // columns, rows - 1)
        weights = taps(row, rows)[..., :, None] * taps(places % columns, columns)[..., None, :]
        table = self.tower.embeddings.position_embedding.weight
        positions = (weights.flatten(-2)[..., None] * table).sum(-2)

        hidden = self.tower.embeddings.patch_embedding(pixel_values) + positions
        lowest = torch.finfo(torch.float32).min
        bias = torch.where(pixel_attention_mask.bool(), 0.0, lowest)[:, None, None]
        for layer in self.tower.encoder.layers:
            hidden = layer(hidden, attention_mask=bias)
        hidden = self.tower.post_layernorm(hidden)

        # Squares of patches become tokens: as many of each piece as it has.
        across = columns // FACTOR
        square = places[:, : length // FACTOR**2]
        piece, place = (square < rows // FACTOR * across).nonzero().unbind(1)
        across, columns = across[piece, 0], columns[piece, 0]
        first = piece * length + place // across * FACTOR * columns + place % across * FACTOR
        patches = torch.stack([first + y * columns + x for y in range(FACTOR) for x in range(FACTOR)], 1)
        squares = hidden.flatten(0, 1)[patches].flatten(1)[None]
        normal = self.projector.layer_norm(squares)
        return self.projector.linear_2(self.projector.act(self.projector.linear_1(normal)))[0]


def taps(index: Tensor, size: Tensor) -> Tensor:
    """What each row (or column) of the table weighs at a place, where it is brought to a size: triangles as wide as its steps."""
    scale = SIDE / size.float()
    distance = torch.arange(SIDE).float() + 0.5 - (scale * (index.float() + 0.5))[..., None]
    weights = (1 - distance.abs() / scale.clamp(min=1.0)[..., None]).clamp(min=0.0)
    return weights / weights.sum(-1, keepdim=True)


def trace_vision(model: PreTrainedModel, images: Lfm2VlImageProcessor) -> onnx.ModelProto:
    """Trace the tower, and compare it with the model's own on images of several sizes."""
    vision = Vision(model).eval()
    given = images([common.picture(one) for one in IMAGES], return_tensors="pt")
    names = ["pixel_values", "pixel_attention_mask", "spatial_shapes"]
    arguments = given["pixel_values"], given["pixel_attention_mask"].long(), given["spatial_shapes"].long()
    with torch.no_grad():
        own = model.model.get_image_features(**dict(zip(names, (given[name] for name in names), strict=True)))
        torch.testing.assert_close(vision(*arguments), torch.cat(own.pooler_output), atol=1e-4, rtol=1e-4)
    return common.compact(
        common.trace(
            vision,
            arguments,
            {
                "pixel_values": {0: "num_pieces", 1: "num_patches"},
                "pixel_attention_mask": {0: "num_pieces", 1: "num_patches"},
                "spatial_shapes": {0: "num_pieces"},
            },
            {"image_features": {0: "num_image_tokens"}},
        )
    )


# ---- checkpoint ----------------------------------------------------------------------------------------------------


def make(out: Path) -> list[Path]:
    folder = out / "lfm2-vl-gqa"
    words = common.tokenizer(SPECIAL, bos="<|startoftext|>", eos="<|im_end|>", pad="<|pad|>")
    images = Lfm2VlImageProcessor(
        encoder_patch_size=PATCH,
        downsample_factor=FACTOR,
        tile_size=TILE,
        min_tiles=2,
        max_tiles=MOST_TILES,
        min_image_tokens=2,
        max_image_tokens=6,
        do_resize=False,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    processor = Lfm2VlProcessor(images, words, chat_template=TEMPLATE)

    def one(seed: int) -> tuple[Any, ...]:
        model = Lfm2VlForConditionalGeneration._from_config(config(words), attn_implementation="eager").eval()
        common.randomise(model, seed)
        return model, common.processor_reference(model, processor, IMAGES, TURNS, BATCH, VISION)

    model, found = common.first_seed(
        one, lambda made: common.differ(case["greedy"] for case in made[1]["cases"].values())
    )
    causal = Lfm2ForCausalLM(model.config.text_config)
    causal.model.load_state_dict(model.model.language_model.state_dict())
    causal.lm_head.load_state_dict(model.lm_head.state_dict())
    embed = common.trace_embedding(model.model.language_model.embed_tokens)
    vision = trace_vision(model, images)
    decoder = built(causal, words, "fp32")
    kind = {"image_processor_type": "Lfm2VlImageProcessor", "processor_class": "Lfm2VlProcessor"}
    common.write_checkpoint(
        folder,
        graphs={
            "embed_tokens": embed,
            "vision_encoder": vision,
            "vision_encoder_q4": common.as_four_bits(vision),
            "decoder_model_merged": decoder,
            "decoder_model_merged_fp16": common.as_float16(decoder, ["inputs_embeds", "logits"]),
            "decoder_model_merged_q4": built(causal, words, "int4"),
        },
        config=model.config.to_dict()
        | {"architectures": [type(model).__name__], "eos_token_id": words.eos_token_id},
        preprocessor=images.to_dict() | kind,
        processor={"processor_class": "Lfm2VlProcessor"},
        words=words,
        template=TEMPLATE,
        reference=found,
    )
    return [folder]


def built(causal: PreTrainedModel, words: PreTrainedTokenizerFast, precision: str) -> onnx.ModelProto:
    decoder = common.with_hub_states(common.build_decoder(causal, words, precision), KERNEL)
    return common.with_head_size(decoder, HEAD)


def config(words: PreTrainedTokenizerFast) -> Lfm2VlConfig:
    ids = {
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
    }
    text = Lfm2Config(
        vocab_size=common.vocabulary_size(words),
        hidden_size=WIDTH,
        intermediate_size=32,
        block_auto_adjust_ff_dim=False,
        num_hidden_layers=3,
        layer_types=["conv", "full_attention", "conv"],
        num_attention_heads=WIDTH // HEAD,
        num_key_value_heads=1,
        conv_L_cache=KERNEL,
        max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=False,
        attn_implementation="eager",
        **ids,
    )
    tower = {
        "model_type": "siglip2_vision_model",
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_patches": SIDE**2,
        "patch_size": PATCH,
        "vision_use_head": False,
    }
    return Lfm2VlConfig(
        text_config=text.to_dict(),
        vision_config=tower,
        image_token_id=words.convert_tokens_to_ids("<image>"),
        projector_hidden_size=32,
        downsample_factor=FACTOR,
        tie_word_embeddings=False,
        **ids,
    )
