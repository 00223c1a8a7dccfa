"""The JSON side of a checkpoint: configs, processor, tokenizer, chat template.

Written by hand rather than by ``save_pretrained``, because two loaders read
them, transformers and transformers.js, and they disagree in one place: how many
image tokens a prompt needs. Both give the right number with the values below.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import PretrainedConfig

from model_config import BOS, EOS, IMAGE_SIZE, PAD, PATCH_SIZE, SPECIAL_TOKENS

CHAT_TEMPLATE_FILE = Path(__file__).with_name("chat_template.jinja")
PAD_TOKEN, BOS_TOKEN, EOS_TOKEN, IMAGE_TOKEN = SPECIAL_TOKENS
MAX_NEW_TOKENS = 128
UNINFORMATIVE_KEYS = frozenset(  # of every model's config, the same for all
    "_name_or_path chunk_size_feed_forward id2label label2id output_attentions "
    "output_hidden_states problem_type return_dict".split()
)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` as indented JSON with a final newline."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_config(folder: Path, config: PretrainedConfig) -> None:
    """Write config.json; ``dtype`` names the precision that the weights were rounded to."""
    values = informative(config.to_dict())
    for key in ("text_config", "vision_config"):
        if key in values:
            values[key] = informative(values[key])
    write_json(folder / "config.json", values)


def informative(values: dict[str, Any]) -> dict[str, Any]:
    """Return ``values`` without the keys that every config has, and with its dtype."""
    kept = {key: value for key, value in values.items() if key not in UNINFORMATIVE_KEYS}
    return kept | {"dtype": "float16"}


def write_generation_config(folder: Path) -> None:
    """Write generation_config.json: greedy decoding that ends at ``</s>``."""
    write_json(
        folder / "generation_config.json",
        {
            "bos_token_id": BOS,
            "eos_token_id": EOS,
            "pad_token_id": PAD,
            "do_sample": False,
            "max_new_tokens": MAX_NEW_TOKENS,
        },
    )


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Check what the chat template and the configs take for granted.

    Raises:
        ValueError: If a special token has another id, or if the tokenizer adds
            tokens of its own (the chat template already writes ``<s>``).
    """
    for token_id, token in enumerate(SPECIAL_TOKENS):
        if tokenizer.token_to_id(token) != token_id:
            raise ValueError(
                f"received id {tokenizer.token_to_id(token)} for {token}, expected {token_id}; "
                f"train the tokenizer with special_tokens={SPECIAL_TOKENS}"
            )
    text = f"{BOS_TOKEN}USER: {IMAGE_TOKEN}\nHi."
    with_specials = tokenizer.encode(text).ids
    if with_specials != tokenizer.encode(text, add_special_tokens=False).ids:
        raise ValueError(
            "received a tokenizer that adds special tokens, expected none to be added; "
            "remove its template post-processor, since the chat template writes <s>"
        )


def write_tokenizer(folder: Path, tokenizer: Tokenizer, max_length: int) -> None:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja."""
    check_tokenizer(tokenizer)
    template = CHAT_TEMPLATE_FILE.read_text(encoding="utf-8")
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": PAD_TOKEN,
            "bos_token": BOS_TOKEN,
            "eos_token": EOS_TOKEN,
            "additional_special_tokens": [IMAGE_TOKEN],
            "add_bos_token": False,
            "add_eos_token": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": max_length,
            "padding_side": "left",
            "chat_template": template,
        },
    )


def image_processor_config() -> dict[str, Any]:
    """Return the settings of ``CLIPImageProcessor``: resize, centre crop, scale to [-1, 1]."""
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": IMAGE_SIZE},
        "resample": 3,  # bicubic
        "do_center_crop": True,
        "crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }


def write_processor(folder: Path) -> None:
    """Write preprocessor_config.json and processor_config.json of a ``LlavaProcessor``.

    The number of ``<image>`` tokens is (96 / 12)^2 = 64 in both loaders:
    transformers.js adds ``num_additional_image_tokens`` and nothing else, while
    transformers also subtracts one when ``vision_feature_select_strategy`` is
    "default". "full" here only means that the processor's count is final; that
    the model drops its class token is said in config.json.
    """
    image_processor = image_processor_config()
    write_json(
        folder / "preprocessor_config.json",
        {"processor_class": "LlavaProcessor", **image_processor},
    )
    write_json(
        folder / "processor_config.json",
        {
            "processor_class": "LlavaProcessor",
            "image_token": IMAGE_TOKEN,
            "patch_size": PATCH_SIZE,
            "num_additional_image_tokens": 0,
            "vision_feature_select_strategy": "full",
        },
    )
