"""Ask a checkpoint questions, greedily, and read its answers. Scores are exact: first words, colour words, class names."""

import json
import re
import sys
import time
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration

from diffusion import add_noise
from model_config import BOS, EOS, IMAGE, IMAGE_TOKENS, PAD
from text import DESCRIBED, DETAILED_PROMPTS
from world import CLASSES, COLOURS, Thing

BATCH = 48
CAPTION_TOKENS, DESCRIPTION_TOKENS = 70, 128
TELL_EVERY = 20  # seconds between lines of progress
# Pixels (3, 96, 96) or None for the base LLM, a question, and, where one is given, a description.
Item = tuple[torch.Tensor | None, str] | tuple[torch.Tensor | None, str, str]


@dataclass
class Asker:
    """An LVLM, its base LLM (None where no text is asked without an image) and their tokenizer."""

    llava: LlavaForConditionalGeneration
    base: LlamaForCausalLM | None
    tokenizer: Tokenizer

    def prompt(self, text: str, image: bool = True, description: str = "") -> list[int]:
        """Token ids; a description stands before the image."""
        tail = self.tokenizer.encode((f"\n{text}" if image else f" {text}") + " ASSISTANT:").ids
        told = f" {DESCRIBED}{description}" if description else ""
        head = [BOS, *self.tokenizer.encode(f"USER:{told}").ids]
        return head + ([*self.tokenizer.encode(" ").ids, *[IMAGE] * IMAGE_TOKENS] if image else []) + tail

    def answers(self, items: list[Item], max_tokens: int, what: str = "") -> list[str]:
        """Greedy answers, batched with left padding. what: a name for lines of progress on the standard error."""
        order = sorted(range(len(items)), key=lambda i: sum(map(len, items[i][1:])))
        texts = [""] * len(items)
        told = time.time()
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            for i, text in zip(chosen, self._generate([items[i] for i in chosen], max_tokens)):
                texts[i] = text
            if what and time.time() - told > TELL_EVERY:
                told = time.time()
                print(f"{what}: {start + len(chosen):,} of {len(items):,} answers", file=sys.stderr, flush=True)
        return texts

    def _generate(self, items: list[Item], max_tokens: int) -> list[str]:
        prompts = [self.prompt(text, pixels is not None, *description) for pixels, text, *description in items]
        length = max(map(len, prompts))
        ids = torch.tensor([[PAD] * (length - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (length - len(p)) + [1] * len(p) for p in prompts])
        with_image = [pixels for pixels, *_ in items if pixels is not None]
        model = self.llava if with_image else self.base
        extra = {"pixel_values": torch.stack(with_image).to(model.device)} if with_image else {}
        out = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=max_tokens,
            do_sample=False,
            pad_token_id=PAD,
            eos_token_id=EOS,
            **extra,
        )
        return [self.tokenizer.decode(row[length:].tolist()).strip() for row in out]


@dataclass
class Pocket:
    """A checkpoint, one split of the benchmark sets, and a seed for noise. limit: records of a set, for a quick look."""

    asker: Asker
    bench: Path
    seed: int
    limit: int | None = None

    def records(self, name: str) -> list[dict]:
        return [json.loads(line) for line in (self.bench / f"{name}.jsonl").read_text().splitlines()][: self.limit]

    @cached_property
    def things(self) -> dict[str, list[Thing]]:
        """By image, what stands in it."""
        scenes = json.loads((self.bench / "scenes.json").read_text())
        return {image: [Thing(**{k: v for k, v in t.items() if k != "usual"}) for t in s["objects"]] for image, s in scenes.items()}

    def nouns(self, image: str) -> list[str]:
        return list(dict.fromkeys(t.name for t in self.things[image]))

    def pixels(self, image: str, noise_step: int | None = None) -> torch.Tensor:
        """(3, 96, 96) in -1..1; the noise of an image depends on its name and the seed only."""
        array = np.asarray(Image.open(self.bench / "images" / image).convert("RGB"))
        clean = torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 127.5 - 1
        if noise_step is None:
            return clean
        return add_noise(clean, noise_step, torch.Generator().manual_seed(zlib.crc32(f"{self.seed}/{image}".encode())))

    def asked(self, records: list[dict], max_tokens: int, what: str, noise_step: int | None = None) -> list[str]:
        return self.asker.answers([(self.pixels(r["image"], noise_step), r["text"]) for r in records], max_tokens, what)

    @cached_property
    def descriptions(self) -> dict[str, str]:
        """The model's own detailed description of every image that direct-form reasoning or colours are asked of."""
        images = list(dict.fromkeys(r["image"] for name in ("direct", "colours") for r in self.records(name)))
        items = [(self.pixels(image), DETAILED_PROMPTS[0]) for image in images]
        return dict(zip(images, self.asker.answers(items, DESCRIPTION_TOKENS, "descriptions")))


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


def blanked(match: re.Match) -> str:
    return " " * len(match[0])


def mentions(caption: str) -> dict[str, int]:
    """Classes that a caption names and where each is named first, in that order.

    Longest names first, so that a "hot dog" is no dog; the colour "orange" ("that is orange") is no mention.
    """
    text = re.sub(r"\b(is|are) orange\b", blanked, caption.lower())
    found: dict[str, int] = {}
    for form, name in _SPOKEN:
        pattern = rf"\b{re.escape(form)}\b"
        first = re.search(pattern, text)
        if first:
            found[name] = min(found.get(name, len(text)), first.start())
            text = re.sub(pattern, blanked, text)
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def meets_rubric(record: dict, answer: str) -> bool:
    """Every word of the record's rubric is in the answer and none of its forbidden words."""
    text = answer.lower()
    words = re.findall(r"[a-z]+", text)
    return all(m in text for m in record["rubric"]) and not any(f in words for f in record["forbidden"])


@dataclass(frozen=True)
class Sentence:
    """One sentence of a detailed description."""

    name: str
    colour: str | None
    places: frozenset[str]  # "top left", "middle", ...


_SENTENCE = re.compile(r"There (?:is|are) (.+?)(?: that (?:is|are) (\w+))? ((?:on|at|in) the .+)")


def sentences(description: str) -> list[Sentence]:
    """What a detailed description says; what has another form is left out."""
    found = []
    for said in re.split(r"\.\s*", description):
        match = _SENTENCE.fullmatch(said.strip())
        names = list(mentions(match[1])) if match else []
        if names:
            places = re.split(r"(?:, | and )?\b(?:on|at|in) the ", match[3])
            found.append(Sentence(names[0], match[2], frozenset(p for p in places if p)))
    return found
