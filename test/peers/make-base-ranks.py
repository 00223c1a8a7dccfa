"""What PyTorch answers to 50 images with the pocket checkpoint, and how its base LLM ranks every token.

    python test/peers/make-base-ranks.py

Needs torch, transformers and pillow. Both models run from their safetensors in float32; the base reads the prompt without
the image and the answer in one pass, as the chat template writes them. Writes test/golden/base_ranks.json:
for each image the greedy tokens and, of each token, how many the base finds likelier. No two logits lie so
close (5e-4 at least) that other arithmetic may turn them round. To be run again when the checkpoint is trained
again.
"""

import json
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForCausalLM, AutoProcessor, LlavaForConditionalGeneration

ROOT = Path(__file__).parents[2]
IMAGES = 50
QUESTION = "Describe the image."


def turn(*parts):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": QUESTION}]}]


@torch.inference_mode()
def main():
    torch.set_num_threads(1)
    pocket, base_folder = ROOT / "pocket/llava", ROOT / "pocket/base"
    model = LlavaForConditionalGeneration.from_pretrained(pocket, dtype=torch.float32).eval()
    base = AutoModelForCausalLM.from_pretrained(base_folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(pocket)
    end = model.generation_config.eos_token_id
    asked = processor.apply_chat_template(turn({"type": "image"}), add_generation_prompt=True)
    blind = processor.apply_chat_template(turn(), add_generation_prompt=True)
    prompt = processor.tokenizer(blind, add_special_tokens=False).input_ids
    rows = []
    for line in (ROOT / "pocket/bench/test/captions.jsonl").read_text().splitlines()[:IMAGES]:
        name = json.loads(line)["image"]
        image = Image.open(ROOT / "pocket/bench/test/images" / name).convert("RGB")
        inputs = processor(images=image, text=asked, return_tensors="pt", add_special_tokens=False)
        made = model.generate(**inputs, do_sample=False, max_new_tokens=128)
        tokens = [t for t in made[0, inputs.input_ids.shape[1] :].tolist() if t != end]
        logits = base(torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
        own = logits.gather(1, torch.tensor(tokens)[:, None])
        ranks = (logits > own).sum(1)
        rows.append({"image": name, "tokens": tokens, "ranks": ranks.tolist()})
    golden = {"question": QUESTION, "prompt": prompt, "rows": rows}
    target = ROOT / "test/golden/base_ranks.json"
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    every = [rank for row in rows for rank in row["ranks"]]
    print(len(rows), "captions", len(every), "tokens", sum(r == 0 for r in every), "at rank 0")


if __name__ == "__main__":
    main()
