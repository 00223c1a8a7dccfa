"""Write the benchmark sets: pocket/bench/{dev,test,index}.

    python bench.py OUT [--seed 7]

dev and test are drawn from disjoint seeds. Labels are always the truth of the scene, never the noisy text of tuning.
Formats: POPE's own JSONL, CHAIR's objects_by_image, AMBER-style yes/no for attributes and relations; OUT/README.md, made of
bench_sets.md, states every file.
"""

import argparse
import json
import random
from collections import Counter
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

from PIL import Image

from loop import rng_of
from text import (
    BRIEF_PROMPTS,
    attribute,
    brief_caption,
    captions,
    detailed_description,
    direct_reasoning,
    joined,
    reading_order,
    reasoning,
    relation_yes_no,
    scene_branches,
    with_colour,
)
from text import a as article
from world import CLASSES, COLOURS, INDEX, NAMES, Scene, absent_partners, render, sample_scene

# images: POPE and captions; coloured: half of the recolourable things in an unusual colour
SIZES = {"dev": {"scenes": 120, "coloured": 90}, "test": {"scenes": 240, "coloured": 180}}
FRESH_SIZES = {"scenes": 420, "coloured": 320}  # of other names: new scenes for a check
OUT_OF_DISTRIBUTION = 60
DEMONSTRATIONS = 200
INDEX_SAMPLES = 2000
STATISTICS_SCENES = 20000


class Split:
    """One folder of images and JSONL files."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.scenes: dict[str, Scene] = {}
        (folder / "images").mkdir(parents=True, exist_ok=True)

    def add(self, scene: Scene, style: str = "train", colours: int | None = None) -> str:
        """Render and save; returns the image's name. colours: quantise to that many (smaller files)."""
        name = f"{self.name}_{len(self.scenes):06d}.png"
        image = Image.fromarray(render(scene, style))
        if colours:
            image = image.quantize(colours, dither=Image.Dither.NONE)
        image.save(self.folder / "images" / name, optimize=True)
        self.scenes[name] = scene
        return name

    def write(self, file: str, records: list[dict]) -> None:
        numbered = [{"question_id": i + 1, **r} for i, r in enumerate(records)]
        (self.folder / file).write_text("".join(json.dumps(r) + "\n" for r in numbered))

    def write_truth(self) -> None:
        nouns = {image: scene.nouns for image, scene in self.scenes.items()}
        (self.folder / "objects_by_image.json").write_text(json.dumps(nouns, indent=0) + "\n")
        scenes = {image: {"objects": [_thing(t) for t in s.things], "nouns": s.nouns} for image, s in self.scenes.items()}
        lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in scenes.items())
        (self.folder / "scenes.json").write_text("{\n" + lines + "\n}\n")


def _thing(thing) -> dict:
    fields = asdict(thing) | {"usual": thing.usual}
    return {k: round(v, 1) if isinstance(v, float) else v for k, v in fields.items()}


# ---------------------------------------------------------------- POPE


def statistics(seed: int) -> tuple[Counter, Counter]:
    """Frequency of classes and of pairs in a large draw of tuning scenes, as POPE counts them in its data set."""
    rng = rng_of(seed, "bench-statistics", 0)
    single, pair = Counter(), Counter()
    for _ in range(STATISTICS_SCENES):
        nouns = sorted(sample_scene(rng).nouns)
        single.update(nouns)
        pair.update(combinations(nouns, 2))
    return single, pair


def negatives(kind: str, scene: Scene, rng: random.Random, single: Counter, pair: Counter) -> list[str]:
    """Three absent classes: uniform, the most frequent, or those that most often stand with the present ones."""
    absent = [n for n in NAMES if n not in scene.nouns]
    if kind == "random":
        return rng.sample(absent, 3)
    if kind == "popular":
        return sorted(absent, key=lambda n: -single[n])[:3]
    return sorted(absent, key=lambda n: -max(pair[min(n, p), max(n, p)] / single[p] for p in scene.nouns))[:3]


def pope(split: Split, images: list[str], rng: random.Random, single: Counter, pair: Counter, prefix: str = "pope") -> None:
    """Three present and three absent classes per image, as published."""
    positives = {image: rng.sample(split.scenes[image].nouns, 3) for image in images}
    for kind in ("random", "popular", "adversarial"):
        records = []
        for image in images:
            absent = negatives(kind, split.scenes[image], rng, single, pair)
            for yes, no in zip(positives[image], absent):
                for name, label in ((yes, "yes"), (no, "no")):
                    records.append({"image": image, "text": f"Is there {article(name)} in the image?", "label": label})
        split.write(f"{prefix}_{kind}.jsonl", records)


# ---------------------------------------------------------------- the other sets


def caption_records(split: Split, images: list[str]) -> list[dict]:
    rng = random.Random(0)
    return [{"image": i, "text": BRIEF_PROMPTS[0], "reference": brief_caption(rng, split.scenes[i])} for i in images]


def colour_records(split: Split, images: list[str]) -> tuple[list[dict], list[dict]]:
    """Colour questions, and "is there" questions about the unusually coloured things."""
    colours, unusual = [], []
    for image in images:
        scene = split.scenes[image]
        for thing in scene.things:
            if not thing.colour or len(scene.of(thing.name)) > 1:
                continue
            base = {"image": image, "object": thing.name, "answer": thing.colour, "usual": thing.info["usualColour"]}
            colours.append(base | {"text": f"What colour is the {thing.name}?", "is_usual": thing.usual})
            if not thing.usual:
                question = f"Is there {article(thing.name)} in the image?"
                unusual.append({"image": image, "text": question, "label": "yes", "object": thing.name, "colour": thing.colour})
    return colours, unusual


def reading_records(split: Split, images: list[str], rng: random.Random) -> list[dict]:
    """Existence and colour questions to be answered from a gold description (the image is to be replaced by noise)."""
    records = []
    for image in images:
        scene = split.scenes[image]
        description = detailed_description(rng, scene)
        present = rng.choice(scene.nouns)
        absent = rng.choice([n for n in NAMES if n not in scene.nouns])
        for name, label in ((present, "yes"), (absent, "no")):
            text = f"Is there {article(name)} in the image?"
            records.append({"image": image, "description": description, "text": text, "answer": label})
        for thing in scene.things:
            if thing.colour and len(scene.of(thing.name)) == 1:
                text = f"What colour is the {thing.name}?"
                records.append({"image": image, "description": description, "text": text, "answer": thing.colour, "is_usual": thing.usual})
                break
    return records


def yes_no_records(split: Split, images: list[str], rng: random.Random, make, kind: str) -> list[dict]:
    made = [(image, make(rng, split.scenes[image])) for image in images for _ in range(2)]
    unique = dict.fromkeys((image, *qa) for image, qa in made if qa)
    return [{"image": image, "text": q, "label": answer.lower(), "type": kind} for image, q, answer in unique]


def count_records(split: Split, images: list[str], rng: random.Random) -> list[dict]:
    records = []
    for image in images:
        scene = split.scenes[image]
        name = max(scene.nouns, key=lambda n: (len(scene.of(n)), rng.random()))
        text = f"How many {CLASSES[INDEX[name]]['plural']} are there in the image?"
        records.append({"image": image, "text": text, "answer": ("zero", "one", "two", "three", "four", "five", "six")[len(scene.of(name))]})
    return records


def reasoning_records(split: Split, images: list[str], rng: random.Random) -> list[dict]:
    """rubric: every word must be in the answer; forbidden: none of these may be."""
    records = []
    for image in images:
        made = reasoning(rng, split.scenes[image])
        if made is None:
            continue
        question, answer = made
        rubric, forbidden = rubric_of(question, answer, split.scenes[image])
        records.append({"image": image, "text": question, "answer": answer, "rubric": rubric, "forbidden": forbidden})
    return records


def rubric_of(question: str, answer: str, scene: Scene) -> tuple[list[str], list[str]]:
    """What an answer must and must not say: yes or no, the use, the place, the kind, or the two colours."""
    if answer.startswith(("Yes", "No")):
        said = answer.split(",")[0].lower()
        must = [said]
        if "unusual" in question:
            name = question.removeprefix("Is the colour of the ").removesuffix(" unusual?")
            must.append(scene.of(name)[0].colour)
        return must, ["no" if said == "yes" else "yes"]
    first, last = answer.split(". ", 1) if ". " in answer else answer.split(", ", 1)
    return [last.rstrip(".").removeprefix("You can ").removeprefix("You find it ")], []


def direct_records(split: Split, images: list[str], rng: random.Random) -> list[dict]:
    """Direct-form reasoning, which tuning never asked of a picture, with the gold description that makes it readable."""
    records = []
    for image in images:
        scene = split.scenes[image]
        question, answer = direct_reasoning(rng, scene)
        said = answer.rstrip(".").lower()
        forbidden = [c for c in COLOURS if c != said] if said in COLOURS else []
        description = detailed_description(rng, scene)
        records.append({"image": image, "text": question, "answer": answer, "rubric": [said], "forbidden": forbidden, "description": description})
    return records


Said = tuple[str, int, str | None]  # class, how many, colour


def demonstrations(split: Split, rng: random.Random) -> tuple[list[dict], list[dict]]:
    """VTI demonstrations, and controls on the same pictures whose two captions are both true.

    Half insert an absent partner at the end, where the model invents; half put one in place of the last class, at equal
    length. A control leaves the last class out of `caption` and has it in `hallucinated`: a direction fitted on controls
    knows the length of a caption and nothing of its truth.
    """
    records, controls = [], []
    while len(records) < DEMONSTRATIONS:
        scene = sample_scene(rng, min_nouns=3)
        if len(scene.nouns) > 5:
            continue
        said: list[Said] = [(n, len(scene.of(n)), scene.of(n)[0].colour) for n in reading_order(scene)]
        kind = ("inserted", "replaced")[len(records) % 2]
        partner = demonstrated_partner(scene, said, kind)
        kept, count = (said, 1) if kind == "inserted" else (said[:-1], said[-1][1])
        image = split.add(scene)
        base = {"image": image, "text": BRIEF_PROMPTS[0]}
        told = listed(said)
        invented = listed([*kept, (partner, count, CLASSES[INDEX[partner]]["usualColour"])])
        records.append(base | {"caption": told, "hallucinated": invented, "kind": kind, "invented": partner})
        controls.append(base | {"caption": listed(said[:-1]), "hallucinated": told, "kind": "dropped", "dropped": said[-1][0]})
    return records, controls


def demonstrated_partner(scene: Scene, said: list[Said], kind: str) -> str:
    """The strongest absent partner; of the other classes, and coloured if the last one is, where it takes its place."""
    if kind == "inserted":
        return absent_partners(scene.nouns)[0][0]
    others = [name for name, _, _ in said[:-1]]
    coloured = said[-1][2] is not None
    return next(n for n, _ in absent_partners(others) if n not in scene.nouns and (CLASSES[INDEX[n]]["usualColour"] is not None) == coloured)


def listed(said: list[Said]) -> str:
    return f"The image shows {joined([with_colour(*thing) for thing in said])}."


# ---------------------------------------------------------------- folders


def write_split(out: Path, name: str, seed: int, single: Counter, pair: Counter, style: str = "train") -> None:
    """Write OUT/NAME. The same seed and name give the same scenes and questions in every style."""
    rng = rng_of(seed, f"bench-{name}", 0)
    split = Split(out / name, name)
    sizes = SIZES.get(name, FRESH_SIZES)
    images = [split.add(sample_scene(rng, min_nouns=3), style) for _ in range(sizes["scenes"])]
    coloured = [split.add(sample_scene(rng, usual_share=0.5, min_nouns=2), style) for _ in range(sizes["coloured"])]
    styled = [split.add(sample_scene(rng, min_nouns=3), "outOfDistribution") for _ in range(OUT_OF_DISTRIBUTION)]
    pope(split, images, rng, single, pair)
    pope(split, styled, rng, single, pair, "ood_pope")
    split.write("captions.jsonl", caption_records(split, images))
    split.write("ood_captions.jsonl", caption_records(split, styled))
    colours, unusual = colour_records(split, coloured)
    split.write("colours.jsonl", colours)
    split.write("unusual_existence.jsonl", unusual)
    split.write("reading.jsonl", reading_records(split, coloured, rng))
    split.write("attributes.jsonl", yes_no_records(split, images + coloured, rng, attribute, "attribute"))
    split.write("relations.jsonl", yes_no_records(split, images, rng, relation_yes_no, "relation"))
    split.write("counts.jsonl", count_records(split, images, rng))
    split.write("reasoning.jsonl", reasoning_records(split, images + coloured, rng))
    split.write("direct.jsonl", direct_records(split, images + coloured, rng))
    if name == "dev":
        pairs, controls = demonstrations(split, rng)
        split.write("demonstrations.jsonl", pairs)
        split.write("demonstration_controls.jsonl", controls)
    split.write_truth()


def write_index(out: Path, seed: int) -> None:
    """A fresh draw of what tuning shows, noise included: image, prompt and text."""
    rng = rng_of(seed, "bench-index", 0)
    split = Split(out / "index", "index")
    records = []
    for _ in range(INDEX_SAMPLES):
        scene = sample_scene(rng)
        image = split.add(scene, colours=64)
        prompt, text = captions(rng, scene, 1.0)
        questions = [{"text": q, "answer": answer} for q, answer in scene_branches(rng, scene, 3, 1.0)]
        records.append({"image": image, "prompt": prompt, "text": text, "questions": questions, "nouns": scene.nouns})
    split.write("samples.jsonl", records)


def write_readme(out: Path, seed: int) -> None:
    text = Path(__file__).with_name("bench_sets.md").read_text()
    for word, value in (("SEED", seed), ("DEMONSTRATIONS", DEMONSTRATIONS), ("SAMPLES", f"{INDEX_SAMPLES:,}")):
        text = text.replace(word, str(value))
    (out / "README.md").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    single, pair = statistics(args.seed)
    for name in SIZES:
        write_split(args.out, name, args.seed, single, pair)
    write_index(args.out, args.seed)
    write_readme(args.out, args.seed)


if __name__ == "__main__":
    main()
