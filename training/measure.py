"""Every figure of the model card, measured on the shipped files, as one table.

    python measure.py ../pocket [--split test] [--seed 11] [--threads 2] [--json FILE]

Greedy decoding in float32 on the float16-rounded weights of model.safetensors. Scores are exact: the first word of a
yes/no answer, the first colour word of a colour answer, the class names in a caption.
"""

import argparse
import json
import math
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration

from diffusion import add_noise
from model_config import BOS, EOS, IMAGE, IMAGE_TOKENS, PAD
from text import DESCRIBED, DETAILED_PROMPTS
from verify_export import image_prompts, text_prompts, verify
from world import CLASSES, COLOURS, NAMES

BATCH = 48
NOISE_STEPS = (0, 500, 700, 900, 999)


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@dataclass
class Pocket:
    """The shipped checkpoint, its base LLM, one benchmark split and a seed for noise."""

    llava: LlavaForConditionalGeneration
    base: LlamaForCausalLM
    tokenizer: Tokenizer
    bench: Path
    seed: int

    def records(self, name: str) -> list[dict]:
        return read_jsonl(self.bench / f"{name}.jsonl")

    def pixels(self, image: str, noise_step: int | None = None) -> torch.Tensor:
        """(3, 96, 96) in -1..1; the noise of an image depends on its name and the seed only."""
        array = np.asarray(Image.open(self.bench / "images" / image).convert("RGB"))
        clean = torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 127.5 - 1
        if noise_step is None:
            return clean
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + sum(image.encode()) * 7919)
        return add_noise(clean, noise_step, generator)

    def prompt(self, text: str, image: bool = True, description: str = "") -> list[int]:
        """Token ids; a description stands before the image."""
        tail = self.tokenizer.encode((f"\n{text}" if image else f" {text}") + " ASSISTANT:").ids
        told = f" {DESCRIBED}{description}" if description else ""
        head = [BOS, *self.tokenizer.encode(f"USER:{told}").ids]
        return head + ([*self.tokenizer.encode(" ").ids, *[IMAGE] * IMAGE_TOKENS] if image else []) + tail

    def answers(self, items: list[tuple], max_tokens: int) -> list[str]:
        """Greedy answers to (pixels or None, question) or (pixels, question, description), batched with left padding."""
        order = sorted(range(len(items)), key=lambda i: len(items[i][1]))
        texts = [""] * len(items)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            for i, text in zip(chosen, self._generate([items[i] for i in chosen], max_tokens)):
                texts[i] = text
        return texts

    def _generate(self, items: list[tuple], max_tokens: int) -> list[str]:
        prompts = [self.prompt(text, pixels is not None, *description) for pixels, text, *description in items]
        length = max(map(len, prompts))
        ids = torch.tensor([[PAD] * (length - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (length - len(p)) + [1] * len(p) for p in prompts])
        with_image = [pixels for pixels, *_ in items if pixels is not None]
        model = self.llava if with_image else self.base
        extra = {"pixel_values": torch.stack(with_image)} if with_image else {}
        out = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=max_tokens, do_sample=False, pad_token_id=PAD, eos_token_id=EOS, **extra
        )
        return [self.tokenizer.decode(row[length:].tolist()).strip() for row in out]


# ---------------------------------------------------------------- reading answers


def says_yes(answer: str) -> bool | None:
    word = re.match(r"\W*(yes|no)\b", answer.lower())
    return None if word is None else word[1] == "yes"


def said_colour(answer: str, skip: str = "") -> str | None:
    """The first colour word; `skip` is the object's name ("orange" is both)."""
    text = answer.lower().replace(f"the {skip} ", "", 1) if skip else answer.lower()
    found = [w for w in re.findall(r"[a-z]+", text) if w in COLOURS]
    return found[0] if found else None


_SPOKEN = sorted(((form, c["name"]) for c in CLASSES for form in {c["name"], c["plural"]}), key=lambda p: -len(p[0]))


def mentioned(caption: str) -> list[str]:
    """Classes named in a caption, longest names first; the colour "orange" ("that is orange") is no mention."""
    text = re.sub(r"\b(is|are) orange\b", "", caption.lower())
    found = []
    for form, name in _SPOKEN:
        text, hits = re.subn(rf"\b{re.escape(form)}\b", "", text)
        if hits:
            found.append(name)
    return list(dict.fromkeys(found))


# ---------------------------------------------------------------- measurements


def percent(hits: list[bool]) -> float:
    return round(100 * sum(hits) / len(hits), 1) if hits else math.nan


def pope(pocket: Pocket, name: str, noise_step: int | None = None, only_no: bool = False) -> dict:
    records = [r for r in pocket.records(name) if not (only_no and r["label"] == "yes")]
    answers = pocket.answers([(pocket.pixels(r["image"], noise_step), r["text"]) for r in records], 2)
    said = [says_yes(answer) for answer in answers]
    false_yes = [s is True for s, r in zip(said, records) if r["label"] == "no"]
    missed = [s is not True for s, r in zip(said, records) if r["label"] == "yes"]
    right = [s == (r["label"] == "yes") for s, r in zip(said, records)]
    return {"accuracy": percent(right), "false_yes": percent(false_yes), "missed": percent(missed), "n": len(records)}


def colours(pocket: Pocket, noise_step: int | None = None) -> dict:
    records = pocket.records("colours")
    answers = pocket.answers([(pocket.pixels(r["image"], noise_step), r["text"]) for r in records], 10)
    said = [said_colour(answer, r["object"]) for answer, r in zip(answers, records)]
    usual = [s == r["answer"] for s, r in zip(said, records) if r["is_usual"]]
    unusual = [(s, r) for s, r in zip(said, records) if not r["is_usual"]]
    wrong = [(s, r) for s, r in unusual if s != r["answer"]]
    return {
        "usual": percent(usual),
        "n_usual": len(usual),
        "unusual": percent([s == r["answer"] for s, r in unusual]),
        "n_unusual": len(unusual),
        "errors_that_are_the_usual_colour": percent([s == r["usual"] for s, r in wrong]),
        "unusual_answered_usual": percent([s == r["usual"] for s, r in unusual]),
    }


def caption_texts(pocket: Pocket, name: str = "captions") -> list[tuple[dict, str]]:
    records = pocket.records(name)
    return list(zip(records, pocket.answers([(pocket.pixels(r["image"]), r["text"]) for r in records], 70)))


def chair(pocket: Pocket, texts: list[tuple[dict, str]]) -> dict:
    truth = json.loads((pocket.bench / "objects_by_image.json").read_text())
    mentions = [(set(mentioned(text)), set(truth[r["image"]])) for r, text in texts]
    named = sum(len(m) for m, _ in mentions)
    return {
        "chair_s": percent([bool(m - t) for m, t in mentions]),
        "chair_i": round(100 * sum(len(m - t) for m, t in mentions) / named, 1),
        "recall": round(100 * sum(len(m & t) for m, t in mentions) / sum(len(t) for _, t in mentions), 1),
        "n": len(texts),
    }


def yes_no(pocket: Pocket, name: str) -> dict:
    records = pocket.records(name)
    answers = pocket.answers([(pocket.pixels(r["image"]), r["text"]) for r in records], 3)
    return {"accuracy": percent([says_yes(a) == (r["label"] == "yes") for a, r in zip(answers, records)]), "n": len(records)}


def counts(pocket: Pocket) -> dict:
    records = pocket.records("counts")
    answers = pocket.answers([(pocket.pixels(r["image"]), r["text"]) for r in records], 8)
    return {"accuracy": percent([r["answer"] in a.lower().split() for a, r in zip(answers, records)]), "n": len(records)}


def meets_rubric(record: dict, answer: str) -> bool:
    text = answer.lower()
    words = re.findall(r"[a-z]+", text)
    return all(m in text for m in record["rubric"]) and not any(f in words for f in record["forbidden"])


def reasoning(pocket: Pocket) -> dict:
    records = pocket.records("reasoning")
    answers = pocket.answers([(pocket.pixels(r["image"]), r["text"]) for r in records], 24)
    return {"accuracy": percent([meets_rubric(r, a) for a, r in zip(answers, records)]), "n": len(records)}


def direct(pocket: Pocket) -> dict:
    """Direct-form reasoning from the image alone, behind the model's own description of it, and behind the true one."""
    records = pocket.records("direct")
    pixels = [pocket.pixels(r["image"]) for r in records]
    own = pocket.answers([(p, DETAILED_PROMPTS[0]) for p in pixels], 120)
    asked = {
        "seen": [(p, r["text"]) for p, r in zip(pixels, records)],
        "own_description": [(p, r["text"], said) for p, r, said in zip(pixels, records, own)],
        "gold_description": [(p, r["text"], r["description"]) for p, r in zip(pixels, records)],
    }
    scored = {name: zip(records, pocket.answers(items, 8)) for name, items in asked.items()}
    return {name: percent([meets_rubric(r, a) for r, a in pairs]) for name, pairs in scored.items()} | {"n": len(records)}


def reading(pocket: Pocket) -> dict:
    """Gold description in the prompt, image replaced by pure noise (t = 999 of an empty image)."""
    records = pocket.records("reading")
    generator = torch.Generator().manual_seed(pocket.seed)
    items = [(add_noise(torch.zeros(3, 96, 96), 999, generator), r["text"], r["description"]) for r in records]
    answers = pocket.answers(items, 10)
    existence = [says_yes(a) == (r["answer"] == "yes") for a, r in zip(answers, records) if "is_usual" not in r]
    told = [(said_colour(a, r["text"][len("What colour is the ") : -1]) == r["answer"], r) for a, r in zip(answers, records) if "is_usual" in r]
    return {
        "all": percent(existence + [hit for hit, _ in told]),
        "existence": percent(existence),
        "colour": percent([hit for hit, _ in told]),
        "unusual_colour": percent([hit for hit, r in told if not r["is_usual"]]),
        "n": len(records),
    }


def base_knowledge(pocket: Pocket) -> dict:
    known = [c for c in CLASSES if c["usualColour"]]
    forms = ("What colour is {} {} usually?", "What is the usual colour of {} {}?")
    asked = [(c, f.format(c["article"], c["name"])) for c in known for f in forms]
    answers = pocket.answers([(None, q) for _, q in asked], 12)
    right = [said_colour(a.lower().replace(f"{c['article']} {c['name']}", "", 1)) == c["usualColour"] for a, (c, _) in zip(answers, asked)]
    return {"accuracy": percent(right), "n": len(asked)}


def base_perplexity(pocket: Pocket, texts: list[tuple[dict, str]]) -> dict:
    """Of the LVLM's own captions under the base LLM, given the same text without the image; per token."""
    total, tokens = 0.0, 0
    for record, text in texts:
        prompt = pocket.prompt(record["text"], image=False)
        answer = [*pocket.tokenizer.encode(f" {text}").ids, EOS]
        logits = pocket.base(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        total -= logits.log_softmax(-1).gather(-1, torch.tensor(answer)[:, None]).sum().item()
        tokens += len(answer)
    return {"perplexity": round(math.exp(total / tokens), 2), "tokens": tokens}


def exports(pocket: Pocket, folder: Path) -> dict:
    """How many of 100 prompts get PyTorch's greedy tokens from the float32 and the int8 graphs."""
    rng = random.Random(3)
    shares = {"pope_adversarial": 35, "captions": 25, "colours": 20, "reasoning": 20}
    chosen = [r for name, n in shares.items() for r in rng.sample(pocket.records(name), n)]
    questions = [(r["text"], pocket.bench / "images" / r["image"]) for r in chosen]
    rows = {}
    for name, model, prompts in (
        ("llava", pocket.llava, image_prompts(folder / "llava", questions)),
        ("base", pocket.base, text_prompts(folder / "base", questions)),
    ):
        report = verify(model, folder / name, prompts, 64)
        rows[f"onnx_{name}"] = {
            "float32_identical": report["float32"]["identical"],
            "largest_logit_difference": float(f"{report['float32']['largest_logit_difference']:.1e}"),
            "int8_identical": report["int8"]["identical"],
            "n": report["prompts"],
        }
    return rows


def measure(pocket: Pocket) -> dict:
    texts = caption_texts(pocket)
    table = {f"pope_{kind}": pope(pocket, f"pope_{kind}") for kind in ("random", "popular", "adversarial")}
    table["unusual_existence"] = pope(pocket, "unusual_existence")
    table["colours"] = colours(pocket)
    table["captions"] = chair(pocket, texts)
    table["reading"] = reading(pocket)
    for name in ("attributes", "relations"):
        table[name] = yes_no(pocket, name)
    table["counts"] = counts(pocket)
    table["reasoning"] = reasoning(pocket)
    table["direct"] = direct(pocket)
    table["ood_pope_random"] = pope(pocket, "ood_pope_random")
    table["ood_captions"] = chair(pocket, caption_texts(pocket, "ood_captions"))
    table["base_usual_colour"] = base_knowledge(pocket)
    table["base_on_captions"] = base_perplexity(pocket, texts)
    for step in NOISE_STEPS:
        swept = pope(pocket, "pope_adversarial", step, only_no=True)
        table[f"noise_{step}"] = {
            "adversarial_false_yes": swept["false_yes"],
            "unusual_answered_usual": colours(pocket, step)["unusual_answered_usual"],
            "n": swept["n"],
        }
    return table


def load(folder: Path, split: str, seed: int) -> Pocket:
    return Pocket(
        LlavaForConditionalGeneration.from_pretrained(folder / "llava", dtype=torch.float32).eval(),
        LlamaForCausalLM.from_pretrained(folder / "base", dtype=torch.float32).eval(),
        Tokenizer.from_file(str(folder / "llava/tokenizer.json")),
        folder / "bench" / split,
        seed,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--seed", type=int, default=11, help="of the diffusion noise")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the table here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with torch.no_grad():
        pocket = load(args.folder, args.split, args.seed)
        table = measure(pocket) | exports(pocket, args.folder)
    print(f"split {args.split}, greedy, noise seed {args.seed}, {len(NAMES)} classes")
    for name, figures in table.items():
        print(f"{name:22} " + "  ".join(f"{k} {v}" for k, v in figures.items()))
    if args.json:
        args.json.write_text(json.dumps({"split": args.split, "seed": args.seed, **table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
