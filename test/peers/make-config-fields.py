"""List the fields of the families' configurations in transformers, for test/families/config-fields.test.ts.

    python test/peers/make-config-fields.py [--out test/golden/config_fields.json]

Needs transformers (and torch), as training/requirements.txt pins them. Names alone are taken: every field of the
configuration classes, by the part of config.json in which it stands.
"""

import argparse
import dataclasses
import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

FAMILIES = (
    "llava llava_onevision fast_vlm idefics3 smolvlm qwen2_vl qwen2_5_vl qwen3_vl qwen3_vl_moe qwen3_5 qwen3_5_moe "
    "lfm2_vl gemma3 gemma4 paligemma"
).split()
# What llava and its likes are built of besides their defaults, moondream1 among them.
TEXT = "llama qwen2 qwen3 mistral phi gemma gemma2 lfm2".split()
VISION = "clip_vision_model siglip_vision_model siglip2_vision_model".split()


def fields(config_class: type) -> list[str]:
    """Names of a configuration's own fields, those of parts left out."""
    left_out = {"text_config", "vision_config", "audio_config", *names(transformers.PreTrainedConfig)}
    return sorted(names(config_class) - left_out)


def names(config_class: type) -> set[str]:
    return {field.name for field in dataclasses.fields(config_class)}


def parts(model_type: str) -> dict[str, list[str]]:
    """Fields of a family's configuration and of its parts by default."""
    config_class = CONFIG_MAPPING[model_type]
    config = config_class()
    found = {"top": fields(config_class)}
    for part in ("text", "vision"):
        inner = type(getattr(config, f"{part}_config", None))
        found[part] = fields(inner if dataclasses.is_dataclass(inner) else config_class.sub_configs[f"{part}_config"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    golden = Path(__file__).parents[1] / "golden" / "config_fields.json"
    parser.add_argument("--out", type=Path, default=golden)
    options = parser.parse_args()
    found = {
        "source": f"names of the fields of configuration classes in transformers {transformers.__version__}, by "
        "test/peers/make-config-fields.py",
        "licence": "Apache-2.0, Copyright The Hugging Face team",
        "common": sorted(names(transformers.PreTrainedConfig)),
        "families": {model_type: parts(model_type) for model_type in FAMILIES},
        "text": {model_type: fields(CONFIG_MAPPING[model_type]) for model_type in TEXT},
        "vision": {model_type: fields(CONFIG_MAPPING[model_type]) for model_type in VISION},
        "generation": sorted(
            name for name in transformers.GenerationConfig().to_dict() if not name.startswith("_")
        ),
    }
    options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
