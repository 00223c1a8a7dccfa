"""The logit lens over image tokens in PyTorch, for test/node/image-lens.test.ts.

    python test/peers/make-lens.py [--out test/golden/lens.json]

Needs torch, transformers and pillow. Of the pocket checkpoint, and of test/checkpoints/smolvlm-gqa, whose weights are drawn
again: its logits are held against those that stand beside it. Of each layer the natural logarithm of the probability that
softmax(head(norm(h))) gives some tokens, at every image token. What PyTorch returns for the last layer is normed already.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration, SmolVLMConfig, SmolVLMForConditionalGeneration

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))
from checkpoints import common, idefics3  # noqa: E402

IMAGE = "pocket/demo/dev_000010.png"
QUESTION = "Describe the image."
CASE = "one image"
TOKENS = {"pocket": [5, 77, 300, 901], "smolvlm-gqa": [3, 40, 41]}


@torch.inference_mode()
def lens(model, text_model, inputs, image_token, tokens):
    made = model(**inputs, output_hidden_states=True)
    at_image = inputs["input_ids"][0] == image_token
    *inner, last = [state[0, at_image] for state in made.hidden_states]
    normed = [*(text_model.norm(state) for state in inner), last]
    rows = [model.lm_head(state).log_softmax(-1)[:, tokens] for state in normed]
    rounded = [[[round(value, 6) for value in row] for row in layer.tolist()] for layer in rows]
    return {"tokens": tokens, "layers": rounded}, made.logits[0, -1]


def pocket():
    folder = ROOT / "pocket/llava"
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    turn = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}]
    text = processor.apply_chat_template(turn, add_generation_prompt=True)
    image = Image.open(ROOT / IMAGE).convert("RGB")
    inputs = processor(images=image, text=text, return_tensors="pt", add_special_tokens=False)
    found, _ = lens(model, model.model.language_model, dict(inputs), model.config.image_token_id, TOKENS["pocket"])
    return {"image": IMAGE, "prompt": QUESTION, **found}


def smolvlm():
    name = "smolvlm-gqa"
    _, model, processor, _ = idefics3.made(SmolVLMConfig, SmolVLMForConditionalGeneration, False)
    inputs = idefics3.inputs_of(processor, CASE)
    found, logits = lens(model, model.model.text_model, inputs, model.config.image_token_id, TOKENS[name])
    known = json.loads((ROOT / "test/checkpoints" / name / "reference.json").read_text())["cases"][CASE]["logits"]
    gap = (logits - torch.tensor(known)).abs().max().item()
    if gap > 1e-4:
        raise RuntimeError(f"{name}: its logits differ by {gap} from those that were recorded")
    return {"case": CASE, **found}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "test/golden/lens.json")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    golden = {"pocket": pocket(), "smolvlm-gqa": smolvlm()}
    out.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    for name, found in golden.items():
        print(name, len(found["layers"]), "states,", len(found["layers"][0]), "image tokens")


if __name__ == "__main__":
    main()
