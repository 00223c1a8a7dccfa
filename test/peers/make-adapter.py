"""Make a small LoRA adapter on the pocket checkpoint, and what PEFT answers with it.

    python make-adapter.py [--checkpoint ../../pocket/llava] [--out ../golden/adapter]

Needs torch, transformers and peft. The adapter is drawn at random (with every linear module of the
language model in three layers, other ranks and alphas by pattern), saved by PEFT itself, and run by PEFT
unmerged, in float32: greedy tokens and the logits of each step go to expected.json. The pixels are
those of an image of one grey, so that no image processor has a part. test/node/adapter-golden.test.ts
compares. To be run again when the checkpoint is trained again.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer
from transformers import LlavaForConditionalGeneration

GREY = 96
TOKENS = 16
PROMPTS = ["Describe the image.", "Is there a dog in the image?", "What colour is the car?"]
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def parse() -> argparse.Namespace:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=here / "../../pocket/llava")
    parser.add_argument("--out", type=Path, default=here / "../golden/adapter")
    return parser.parse_args()


def load(checkpoint: Path) -> LlavaForConditionalGeneration:
    return LlavaForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()


def make_adapter(checkpoint: Path, out: Path) -> None:
    torch.manual_seed(0)
    config = LoraConfig(
        r=2,
        lora_alpha=3,
        target_modules=rf".*language_model\.layers\.(0|2|5)\..*\.({'|'.join(LINEAR)})|lm_head",
        rank_pattern={r"layers\.2\.mlp\.down_proj": 3},
        alpha_pattern={r"self_attn\.v_proj": 5},
    )
    model = get_peft_model(load(checkpoint), config)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    # Relative to the adapter's folder; PEFT wrote where the checkpoint lies on this machine.
    model.peft_config["default"].base_model_name_or_path = "pocket"
    model.save_pretrained(out, save_embedding_layers=False)
    (out / "README.md").unlink(missing_ok=True)


@torch.no_grad()
def answer(model: PeftModel | LlavaForConditionalGeneration, checkpoint: Path, prompt: str) -> dict:
    processor = json.loads((checkpoint / "preprocessor_config.json").read_text())
    config = model.config
    size = config.vision_config.image_size
    mean, std = (torch.tensor(processor[key]).view(3, 1, 1) for key in ("image_mean", "image_std"))
    pixels = ((torch.full((3, size, size), GREY / 255) - mean) / std)[None]
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    text = f"<s>USER: <image>\n{prompt} ASSISTANT:"
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    place = ids.index(config.image_token_id)
    ids[place : place + 1] = [config.image_token_id] * config.image_seq_length
    tokens, logits = [], []
    for _ in range(TOKENS):
        inputs = torch.tensor([ids + tokens])
        row = model(
            input_ids=inputs, pixel_values=pixels, attention_mask=torch.ones_like(inputs)
        ).logits[0, -1]
        token = int(row.argmax())
        logprobs = row.log_softmax(-1)
        logits.append([round(float(x), 6) for x in logprobs.topk(5).values])
        if token == config.text_config.eos_token_id:
            break
        tokens.append(token)
    return {"prompt": prompt, "tokens": tokens, "logprobs": logits}


def main() -> None:
    arguments = parse()
    out = arguments.out.resolve()
    make_adapter(arguments.checkpoint, out)
    stock = load(arguments.checkpoint)
    plain = [answer(stock, arguments.checkpoint, prompt) for prompt in PROMPTS]
    tuned = PeftModel.from_pretrained(load(arguments.checkpoint), out).eval()
    expected = {
        "checkpoint": hashlib.sha256(
            (arguments.checkpoint / "onnx/decoder_model_merged.onnx").read_bytes()
        ).hexdigest(),
        "grey": GREY,
        "answers": [answer(tuned, arguments.checkpoint, prompt) for prompt in PROMPTS],
        "plain": [one["tokens"] for one in plain],
    }
    (out / "expected.json").write_text(json.dumps(expected) + "\n")
    (out / "adapter_model.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
