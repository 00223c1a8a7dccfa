"""LLaVA, LLaVA-OneVision of one tile, FastVLM and Moondream's first generation, all in the Concat style."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    PhiConfig,
    PhiForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    SiglipVisionConfig,
    SiglipVisionModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil

from . import common

SIDE, PATCH, WIDTH = 32, 8, 32
SEQUENCE = (SIDE // PATCH) ** 2
# LLaVA's own code has this id for an image, which no row of the table has.
NEGATIVE = -200
# Pillow 13 resizes some tall pictures by columns first, versions before it never: no such picture is among these.
IMAGES = [
    common.image(50, 40, x=7, y=3, c=60, xy=5),
    common.image(61, 30, x=2, y=9, c=15, xy=3),
]
TURNS = {
    "one image": [("user", 0, "What is in the image?")],
    "two images": [("user", "The left one:", 0, " the right one:", 1, " Are they the same?")],
    "two images first": [("user", 1, 0, "Are they the same?")],
    "none": [("user", "How many things are there?")],
    "later image": [("user", "Answer with one word."), ("assistant", "Yes."), ("user", 1, "And here?")],
}
BATCH = ["one image", "two images"]
LLAVA_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role != 'system' %}{{ message.role | upper }}: {% endif %}"
    "{% for part in message.content %}{% if part.type == 'image' %}<image>\n{% endif %}{% endfor %}"
    "{% for part in message.content %}{% if part.type == 'text' %}{{ part.text }} {% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
ONEVISION_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }} "
    "{% for part in message.content %}{% if part.type == 'image' %}<image>{% endif %}{% endfor %}"
    "{% for part in message.content %}{% if part.type == 'text' %}{{ '\n' + part.text }}{% endif %}{% endfor %}"
    "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# A text model's: it takes no parts.
FASTVLM_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# The one that the family has for checkpoints without a file.
MOONDREAM_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if not loop.first %}{{ '\\n\\n' }}{% endif %}"
    "{% if message.role == 'user' %}"
    "{% for part in message.content %}{% if part.type == 'image' %}<image>{% endif %}{% endfor %}"
    "{% if message.content[0].type == 'image' %}{{ '\\n\\n' }}{% endif %}Question: "
    "{% elif message.role == 'assistant' %}Answer: {% endif %}"
    "{% for part in message.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '\\n\\n' }}Answer:{% endif %}"
)
CHAT = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"]
TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "attn_implementation": "eager",
}
TOWER = {
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
    "attn_implementation": "eager",
}


@dataclass
class Parts:
    """A model as its graphs are: pixels (B, 3, H, W) -> features (B, tokens, D), and a decoder with table and head."""

    vision: nn.Module
    causal: PreTrainedModel
    config: dict[str, Any]


@dataclass
class Kind:
    """What sets a checkpoint apart from the others."""

    words: PreTrainedTokenizerFast
    parts: Callable[[PreTrainedTokenizerFast, int], Parts]
    images: Any
    preprocessor: dict[str, Any]
    processor: str
    template: str
    image_token: int
    takes_parts: bool = True
    # Further fields of processor_config.json.
    fields: dict[str, Any] = field(default_factory=dict)


# ---- models --------------------------------------------------------------------------------------------------------


class Vision(nn.Module):
    """Tower and projector; of LLaVA without the tower's last layer and the token of the class."""

    def __init__(self, tower: nn.Module, projector: nn.Module, *, layers: int, first: int) -> None:
        super().__init__()
        self.vision_tower = copy.deepcopy(tower)
        self.multi_modal_projector = projector
        self.first = first
        inner = getattr(self.vision_tower, "vision_model", self.vision_tower)
        inner.encoder.layers = inner.encoder.layers[:layers]
        # Features are taken before it.
        inner.post_layernorm = nn.Identity()

    def forward(self, pixel_values: Tensor) -> Tensor:
        hidden = self.vision_tower(pixel_values).last_hidden_state
        return self.multi_modal_projector(hidden[:, self.first :])


class Projector(nn.Module):
    """Two linear layers, as Moondream and FastVLM have them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(width, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.linear_2(nn.functional.gelu(self.linear_1(hidden)))


class Convolutions(nn.Module):
    """A tower of convolutions alone, as FastVLM's first stages are, in which no patch has a row of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.stage = nn.Conv2d(16, 16, 3, stride=2, padding=1, groups=16)
        self.head = nn.Conv2d(16, WIDTH, 3, stride=2, padding=1)
        self.projector = Projector(WIDTH)

    def forward(self, pixel_values: Tensor) -> Tensor:
        hidden = nn.functional.gelu(self.stem(pixel_values))
        hidden = nn.functional.gelu(self.stage(hidden))
        hidden = self.head(hidden).flatten(2).transpose(1, 2)
        return self.projector(hidden)


def ids(words: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": common.vocabulary_size(words),
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def decoder_of(model: PreTrainedModel, causal_class: type) -> PreTrainedModel:
    causal = causal_class(model.config.text_config).eval()
    causal.model, causal.lm_head = model.model.language_model, model.lm_head
    return causal


def llava(words: PreTrainedTokenizerFast, seed: int) -> Parts:
    config = LlavaConfig(
        text_config=LlamaConfig(**TEXT, **ids(words), head_dim=16).to_dict(),
        vision_config=CLIPVisionConfig(**TOWER, num_hidden_layers=2, projection_dim=WIDTH).to_dict(),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        image_seq_length=SEQUENCE,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
        attn_implementation="eager",
    )
    model = LlavaForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    common.randomise(model, seed)
    vision = Vision(model.model.vision_tower, model.model.multi_modal_projector, layers=1, first=1).eval()
    pixels = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        expected = torch.stack(list(model.model.get_image_features(pixels).pooler_output))
        torch.testing.assert_close(vision(pixels), expected.reshape(2, SEQUENCE, WIDTH), atol=1e-4, rtol=1e-4)
    return Parts(vision, decoder_of(model, LlamaForCausalLM), full(model))


def onevision(words: PreTrainedTokenizerFast, seed: int) -> Parts:
    config = LlavaOnevisionConfig(
        text_config=Qwen2Config(**TEXT, **ids(words)).to_dict(),
        vision_config=SiglipVisionConfig(**TOWER, num_hidden_layers=1, vision_use_head=False).to_dict(),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=[[SIDE, SIDE]],
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=False,
        attn_implementation="eager",
    )
    model = LlavaOnevisionForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    common.randomise(model, seed)
    vision = Vision(model.model.vision_tower, model.model.multi_modal_projector, layers=1, first=0).eval()
    return Parts(vision, decoder_of(model, Qwen2ForCausalLM), full(model))


def fastvlm(words: PreTrainedTokenizerFast, seed: int) -> Parts:
    causal = Qwen2ForCausalLM(Qwen2Config(**TEXT, **ids(words), tie_word_embeddings=False)).eval()
    vision = Convolutions().eval()
    common.randomise(causal, seed)
    common.randomise(vision, seed + 1000)
    flat = causal.config.to_dict() | {
        "architectures": ["LlavaQwen2ForCausalLM"],
        "model_type": "llava_qwen2",
        "image_token_index": NEGATIVE,
        "mm_hidden_size": WIDTH,
        "mm_projector_type": "mlp2x_gelu",
        "mm_vision_tower": "mobileclip_l",
    }
    return Parts(vision, causal, flat)


def moondream(words: PreTrainedTokenizerFast, seed: int) -> Parts:
    text = TEXT | {"num_key_value_heads": 2, "rope_parameters": TEXT["rope_parameters"] | {"partial_rotary_factor": 0.5}}
    causal = PhiForCausalLM(PhiConfig(**text, **ids(words), tie_word_embeddings=False)).eval()
    tower = SiglipVisionModel(SiglipVisionConfig(**TOWER, num_hidden_layers=1, vision_use_head=False))
    vision = Vision(tower, Projector(WIDTH), layers=1, first=0).eval()
    common.randomise(causal, seed)
    common.randomise(vision, seed + 1000)
    config = {
        "architectures": ["Moondream"],
        "model_type": "moondream1",
        "image_token_index": words.convert_tokens_to_ids("<image>"),
        "phi_config": causal.config.to_dict(),
    }
    return Parts(vision, causal, config | {name: ids(words)[name] for name in ("eos_token_id", "pad_token_id")})


def full(model: PreTrainedModel) -> dict[str, Any]:
    return model.config.to_dict() | {"architectures": [type(model).__name__]}


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def make(out: Path) -> list[Path]:
    return [
        write(out / "llava-concat", llava_kind(), lead=0.02),
        write(out / "llava-onevision-concat", onevision_kind()),
        write(out / "fastvlm-concat", fastvlm_kind(), lead=0.02),
        write(out / "moondream1-concat", moondream_kind(), lead=0.01),
    ]


def llava_kind() -> Kind:
    words = common.tokenizer(["<s>", "</s>", "<pad>", "<image>"], bos="<s>", eos="</s>", pad="<pad>")
    images = clip({"shortest_edge": SIDE})
    token = words.convert_tokens_to_ids("<image>")
    fields = {
        "image_token": "<image>",
        "num_additional_image_tokens": 1,
        "patch_size": PATCH,
        "vision_feature_select_strategy": "default",
    }
    return Kind(words, llava, images, clip_fields(images), "LlavaProcessor", LLAVA_TEMPLATE, token, fields=fields)


def onevision_kind() -> Kind:
    words = chat_words()
    images = LlavaOnevisionImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, image_grid_pinpoints=[[SIDE, SIDE], [SIDE, 2 * SIDE]]
    )
    fields = images.to_dict() | {"image_processor_type": "LlavaOnevisionImageProcessor"}
    token = words.convert_tokens_to_ids("<image>")
    return Kind(words, onevision, images, fields, "LlavaOnevisionProcessor", ONEVISION_TEMPLATE, token)


def fastvlm_kind() -> Kind:
    words = chat_words()
    images = clip({"shortest_edge": SIDE}, image_mean=[0.0] * 3, image_std=[1.0] * 3)
    fields = clip_fields(images)
    return Kind(words, fastvlm, images, fields, "LlavaProcessor", FASTVLM_TEMPLATE, NEGATIVE, takes_parts=False)


def moondream_kind() -> Kind:
    words = common.tokenizer(["<|endoftext|>", "<image>"], bos="<|endoftext|>", eos="<|endoftext|>", pad="<|endoftext|>")
    images = clip({"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    token = words.convert_tokens_to_ids("<image>")
    return Kind(words, moondream, images, clip_fields(images), "MoondreamProcessor", MOONDREAM_TEMPLATE, token)


def chat_words() -> PreTrainedTokenizerFast:
    return common.tokenizer(CHAT, bos="<|endoftext|>", eos="<|im_end|>", pad="<|endoftext|>")


def clip(size: dict[str, int], **more: Any) -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size=size, crop_size={"height": SIDE, "width": SIDE}, **more)


def clip_fields(images: CLIPImageProcessorPil) -> dict[str, Any]:
    return images.to_dict() | {"image_processor_type": "CLIPImageProcessor"}


def write(folder: Path, kind: Kind, *, lead: float = 0.0) -> Path:
    """Write a checkpoint, its decoder in float16 and 4 bits too, its table in float16.

    Args:
        lead: how far the logit of each greedy token is before all others at least, so that rounding takes the same one.
    """

    def one(seed: int) -> tuple[Parts, dict[str, Any]]:
        parts = kind.parts(kind.words, seed)
        return parts, reference(kind, parts)

    def good(found: tuple[Parts, dict[str, Any]]) -> bool:
        parts, recorded = found
        if not common.differ(case["greedy"] for case in recorded["cases"].values()):
            return False
        return lead == 0.0 or least_lead(kind, parts) > lead

    parts, recorded = common.first_seed(one, good, seeds=400)
    embed = common.trace_embedding(parts.causal.get_input_embeddings())
    vision = common.compact(
        common.trace(
            parts.vision,
            (torch.randn(2, 3, SIDE, SIDE),),
            {"pixel_values": {0: common.BATCH}},
            {"image_features": {0: common.BATCH}},
        )
    )
    decoder = common.trace_decoder(parts.causal.model, parts.causal.lm_head)
    graphs = {
        "embed_tokens": embed,
        "vision_encoder": vision,
        "decoder_model_merged": decoder,
        "decoder_model_merged_q4": common.as_four_bits(decoder),
        "embed_tokens_fp16": common.as_float16(embed, []),
        "decoder_model_merged_fp16": common.as_float16(decoder, ["inputs_embeds", "logits"]),
    }
    common.write_checkpoint(
        folder,
        graphs=graphs,
        config=parts.config,
        preprocessor=kind.preprocessor | {"processor_class": kind.processor},
        processor=kind.fields | {"processor_class": kind.processor},
        words=kind.words,
        template=kind.template,
        reference=recorded,
    )
    if kind.template == MOONDREAM_TEMPLATE:
        (folder / "chat_template.jinja").unlink()
    if kind.image_token < 0:
        rename_image_token(folder / "tokenizer.json", kind.image_token)
    return folder


def rename_image_token(path: Path, token: int) -> None:
    """Give the image token an id that Python's tokenizers cannot hold. Changes the file."""
    content = json.loads(path.read_text())
    for added in content["added_tokens"]:
        if added["content"] == "<image>":
            added["id"] = token
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False))


# ---- reference -----------------------------------------------------------------------------------------------------


def reference(kind: Kind, parts: Parts) -> dict[str, Any]:
    laid = {name: prompt(kind, turns) for name, turns in TURNS.items()}
    embeds = {name: embedded(kind, parts, laid[name], turns) for name, turns in TURNS.items()}
    cases = {}
    for name, turns in TURNS.items():
        tokens = laid[name]
        with torch.no_grad():
            logits = parts.causal(inputs_embeds=embeds[name]).logits[0, -1]
        [answer] = answers(parts, [embeds[name]])
        vision = [{"pixel_values": common.described(pixels(kind, i))} for i in common.images_of(turns)]
        places = [list(range(len(tokens)))]
        cases[name] = common.case(common.as_parts(turns), tokens, places, vision, logits, answer)
    together = answers(parts, [embeds[name] for name in BATCH])
    return {"images": IMAGES, "cases": cases, "batch": {"rows": BATCH, "greedy": together}}


def prompt(kind: Kind, turns: list[tuple]) -> list[int]:
    """Tokens, an image's as many as it has features."""
    messages = [
        message if kind.takes_parts and begins_with_images(parts) else in_text(kind, role, parts)
        for message, (role, *parts) in zip(common.messages(turns), turns, strict=True)
    ]
    text = kind.words.apply_chat_template(
        messages, chat_template=kind.template, add_generation_prompt=True, tokenize=False
    )
    own = kind.words.convert_tokens_to_ids("<image>")
    tokens = kind.words(text.replace("<image>", "<image>" * SEQUENCE), add_special_tokens=False)["input_ids"]
    return [kind.image_token if token == own else token for token in tokens]


def begins_with_images(parts: list[int | str]) -> bool:
    return all(isinstance(one, str) or not isinstance(before, str) for before, one in zip(parts, parts[1:]))


def in_text(kind: Kind, role: str, parts: list[int | str]) -> dict[str, Any]:
    text = "".join(one if isinstance(one, str) else "<image>\n" for one in parts)
    return {"role": role, "content": [{"type": "text", "text": text}] if kind.takes_parts else text}


def pixels(kind: Kind, image: int) -> Tensor:
    """(1, 3, H, W); of several tiles the first, which is the whole image."""
    values = kind.images([common.picture(IMAGES[image])], return_tensors="pt")["pixel_values"].float()
    return values[0, :1] if values.dim() == 5 else values


def embedded(kind: Kind, parts: Parts, tokens: list[int], turns: list[tuple]) -> Tensor:
    row = torch.tensor([tokens])
    is_image = row == kind.image_token
    with torch.no_grad():
        embeds = parts.causal.get_input_embeddings()(row.masked_fill(is_image, 0))
        features = [parts.vision(pixels(kind, i)).reshape(-1, WIDTH) for i in common.images_of(turns)]
    if features:
        embeds[is_image] = torch.cat(features)
    return embeds


def least_lead(kind: Kind, parts: Parts) -> float:
    """By how much the logit of a greedy token is before the next one, where that is least."""
    leads = []
    for turns in TURNS.values():
        embeds = embedded(kind, parts, prompt(kind, turns), turns)
        with torch.no_grad():
            made = parts.causal.generate(
                inputs_embeds=embeds,
                attention_mask=torch.ones(embeds.shape[:2], dtype=torch.int64),
                max_new_tokens=common.GREEDY_TOKENS,
                do_sample=False,
                output_logits=True,
                return_dict_in_generate=True,
            )
        leads += [first - second for (first, second), in (one.topk(2).values.tolist() for one in made.logits)]
    return min(leads)


def answers(parts: Parts, rows: list[Tensor]) -> list[list[int]]:
    """Greedy tokens behind each row, padded on the left to one length."""
    longest = max(row.shape[1] for row in rows)
    padded = torch.cat([nn.functional.pad(row, (0, 0, longest - row.shape[1], 0)) for row in rows])
    mask = torch.tensor([[0] * (longest - row.shape[1]) + [1] * row.shape[1] for row in rows])
    with torch.no_grad():
        made = parts.causal.generate(
            inputs_embeds=padded,
            attention_mask=mask,
            max_new_tokens=common.GREEDY_TOKENS,
            do_sample=False,
            num_beams=1,
        )
    return made.tolist()
