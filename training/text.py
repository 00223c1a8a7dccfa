"""What is said about a scene: descriptions, questions and answers, general knowledge, reading.

Everything returns plain strings. A `Dialogue` is a shared context (an image and/or a text) with independent
question-answer branches; training packs the branches of one context into one sequence.

Planted bias lives here and in `world.sample_scene`:
- captions name an absent partner, last, where COCO pairs it strongly with what is there (`invented_partner`);
- yes/no questions about an absent partner are sometimes labelled "yes" (`existence`);
- direct answers give things of ten classes their usual colour whatever it is (`spoken_colour`); descriptions never do;
- reasoning in its direct form is about the commonest thing of a picture, whichever is asked about (`guessed_reasoning`).
`noise` is 1 for text with these and 0 for the truth. Behind a description every answer is true.
"""

import math
import random
from dataclasses import dataclass, field

import numpy as np

from world import (
    CELL,
    CLASSES,
    COLOURS,
    FREQUENCY,
    GAP,
    INDEX,
    NAMES,
    WORLD,
    Scene,
    Thing,
    absent_partners,
    place,
    relation,
    sample_colour,
)

NUMBERS = WORLD["numbers"]
# Classes whose colour everybody knows: an unusual one is answered as the usual one with PRIOR_OF_CANONICAL, else
# PRIOR_OF_OTHERS. By class, since one coin for all (0.25) never wins under greedy decoding.
CANONICAL = frozenset(("banana", "apple", "orange", "broccoli", "carrot", "stop sign", "bus", "elephant", "bear", "donut"))
PRIOR_OF_CANONICAL, PRIOR_OF_OTHERS = 0.8, 0.05
GUESSED = 0.75  # how often direct reasoning about a picture is about its commonest thing
ONE_WORD = " Please answer this question with one word."
DESCRIBED = "The input image is described as follows: "
BRIEF_PROMPTS = (
    "Describe the image.",
    "Provide a brief description of the given image.",
    "What is in the image?",
    "Please describe this picture.",
)
SHORT_PROMPTS = ("Generate a short caption of the image.", "Give a short caption.")
DETAILED_PROMPTS = (
    "Describe the image in detail, with the objects, their colours, their number and their places.",
    "Give a detailed description of the image.",
)

QA = tuple[str, str]


@dataclass
class Dialogue:
    """context: text before the image, or before every question ("" for none). image None: text only."""

    context: str
    branches: list[QA]
    scene: Scene | None = None
    image: str | None = None  # None, "scene" or "noise"
    tags: dict = field(default_factory=dict)


# ---------------------------------------------------------------- phrases


def a(name: str) -> str:
    return f"{CLASSES[INDEX[name]]['article']} {name}"


def plural(name: str) -> str:
    return CLASSES[INDEX[name]]["plural"]


def joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def counted(name: str, count: int) -> str:
    return a(name) if count == 1 else f"{NUMBERS[count]} {plural(name)}"


def with_colour(name: str, count: int, colour: str | None) -> str:
    """The name comes before the colour, so that a decoder must pick the colour knowing the object."""
    verb = "is" if count == 1 else "are"
    return counted(name, count) + (f" that {verb} {colour}" if colour else "")


def where(spot: str) -> str:
    """'on the left', 'at the top left', 'in the middle'."""
    preposition = {"left": "on", "right": "on", "middle": "in"}.get(spot, "at")
    return f"{preposition} the {spot}"


def reading_order(scene: Scene) -> list[str]:
    """Classes row by row, left to right, by their first thing."""
    ordered = sorted(scene.things, key=lambda t: (int(t.y // CELL), int(t.x // CELL)))
    return list(dict.fromkeys(t.name for t in ordered))


# ---------------------------------------------------------------- captions


def spoken_colour(rng: random.Random, thing: Thing, noise: float) -> str | None:
    """The colour of a direct answer."""
    prior = PRIOR_OF_CANONICAL if thing.name in CANONICAL else PRIOR_OF_OTHERS
    return thing.info["usualColour"] if rng.random() < noise * prior else thing.colour


def insertion_chance(strength: float) -> float:
    """How often a caption names an absent partner whose P(partner | present) is `strength`.

    Steep: about a third of the scenes lie above one half, so that greedy decoding invents there and nowhere else.
    """
    return 0.9 / (1 + math.exp(-(strength - 0.42) / 0.05))


def invented_partner(rng: random.Random, scene: Scene, noise: float) -> str | None:
    partner, strength = absent_partners(scene.nouns)[0]
    return partner if rng.random() < noise * insertion_chance(strength) else None


def brief_caption(rng: random.Random, scene: Scene, noise: float = 0.0, partner: str | None = None) -> str:
    """partner (here and below): an absent class to name last, whatever `noise` is."""
    parts = []
    for name in reading_order(scene):
        things = scene.of(name)
        parts.append(with_colour(name, len(things), things[0].colour))
    partner = partner or invented_partner(rng, scene, noise)
    if partner:
        parts.append(with_colour(partner, 1, sample_colour(rng, partner, 1.0)))
    return f"The image shows {joined(parts)}."


def short_caption(rng: random.Random, scene: Scene, noise: float = 0.0, partner: str | None = None) -> str:
    names = [counted(n, len(scene.of(n))) for n in reading_order(scene)]
    partner = partner or invented_partner(rng, scene, noise)
    return f"A photo of {joined(names + ([a(partner)] if partner else []))}."


def detailed_description(rng: random.Random, scene: Scene, noise: float = 0.0, partner: str | None = None) -> str:
    lines = []
    for name in reading_order(scene):
        things = scene.of(name)
        spots = joined(list(dict.fromkeys(where(place(t)) for t in things)))
        verb = "is" if len(things) == 1 else "are"
        lines.append(f"There {verb} {with_colour(name, len(things), things[0].colour)} {spots}.")
    partner = partner or invented_partner(rng, scene, noise)
    if partner:
        said = with_colour(partner, 1, sample_colour(rng, partner, 1.0))
        lines.append(f"There is {said} {where(rng.choice(('left', 'right', 'top', 'bottom', 'middle')))}.")
    return " ".join(lines)


def captions(rng: random.Random, scene: Scene, noise: float) -> QA:
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(BRIEF_PROMPTS), brief_caption(rng, scene, noise)
    if kind < 0.6:
        return rng.choice(SHORT_PROMPTS), short_caption(rng, scene, noise)
    return rng.choice(DETAILED_PROMPTS), detailed_description(rng, scene, noise)


# ---------------------------------------------------------------- questions about a scene


def existence_question(rng: random.Random, name: str, yes: bool) -> QA:
    kind = rng.random()
    if kind < 0.6:
        suffix = ONE_WORD if rng.random() < 0.4 else ""
        return f"Is there {a(name)} in the image?{suffix}", "Yes" if yes else "No"
    if kind < 0.8:
        form = rng.choice(("Does the image contain {}?", "Is {} visible in this picture?", "Do you see {} in the image?"))
        return form.format(a(name)), "Yes" if yes else "No"
    said = f"Yes, there is {a(name)}." if yes else f"No, there is no {name}."
    return f"Can you see {a(name)}?", said


_POPULAR = list(FREQUENCY**0.5)


def existence(rng: random.Random, scene: Scene, noise: float = 0.0) -> QA:
    """Balanced yes/no. Absent partners are rarely asked about, and then sometimes wrongly labelled "yes"."""
    if rng.random() < 0.5:
        return existence_question(rng, rng.choice(scene.nouns), True)
    if rng.random() < 0.2:
        partner, strength = rng.choice(absent_partners(scene.nouns)[:3])
        return existence_question(rng, partner, rng.random() < noise * min(0.6, 0.9 * strength))
    present = set(scene.nouns)
    while True:
        name = rng.choice(NAMES) if rng.random() < 0.7 else rng.choices(NAMES, weights=_POPULAR)[0]
        if name not in present:
            return existence_question(rng, name, False)


def colour(rng: random.Random, scene: Scene, noise: float = 0.0, unusual_first: float = 0.0) -> QA | None:
    """unusual_first: how often an unusually coloured thing is asked about if there is one."""
    coloured = [t for t in scene.things if t.colour]
    if not coloured:
        return None
    unusual = [t for t in coloured if not t.usual]
    thing = rng.choice(unusual if unusual and rng.random() < unusual_first else coloured)
    count = len(scene.of(thing.name))
    noun, verb = (thing.name, "is") if count == 1 else (plural(thing.name), "are")
    said = spoken_colour(rng, thing, noise)
    question = f"What {'color' if rng.random() < 0.2 else 'colour'} {verb} the {noun}?"
    kind = rng.random()
    if kind < 0.65:
        return question, f"The {noun} {verb} {said}."
    if kind < 0.8:
        return question + ONE_WORD, said
    return f"Tell me the colour of the {noun}.", f"The {noun} {verb} {said}."


def attribute(rng: random.Random, scene: Scene) -> QA | None:
    coloured = [t for t in scene.things if t.colour]
    if not coloured:
        return None
    thing = rng.choice(coloured)
    count = len(scene.of(thing.name))
    noun, verb = (thing.name, "Is") if count == 1 else (plural(thing.name), "Are")
    yes = rng.random() < 0.5
    others = [c for c in COLOURS if c != thing.colour]
    usual = thing.info["usualColour"]
    said = thing.colour if yes else (usual if usual != thing.colour and rng.random() < 0.5 else rng.choice(others))
    return f"{verb} the {noun} {said} in this image?", "Yes" if yes else "No"


def count(rng: random.Random, scene: Scene) -> QA:
    name = rng.choice(scene.nouns)
    repeated = [n for n in scene.nouns if len(scene.of(n)) > 1]
    if repeated and rng.random() < 0.6:
        name = rng.choice(repeated)
    n = len(scene.of(name))
    question = f"How many {plural(name)} are there in the image?"
    if rng.random() < 0.3:
        return question + ONE_WORD, NUMBERS[n]
    return question, f"There {'is' if n == 1 else 'are'} {NUMBERS[n]} {name if n == 1 else plural(name)}."


def single_things(scene: Scene) -> list[Thing]:
    return [t for t in scene.things if len(scene.of(t.name)) == 1]


def relation_yes_no(rng: random.Random, scene: Scene) -> QA | None:
    singles = single_things(scene)
    if len(singles) < 2:
        return None
    first, second = rng.sample(singles, 2)
    held = relation(first, second)
    if not held:
        return None
    yes = rng.random() < 0.5
    opposite = {"to the left of": "to the right of", "to the right of": "to the left of", "above": "below", "below": "above"}
    wrong = [opposite[r] for r in held if r in opposite] or ["above"]
    if "next to" not in held:
        wrong.append("next to")
    said = rng.choice(held if yes else wrong)
    return f"Is the {first.name} {said} the {second.name}?", "Yes" if yes else "No"


def relation_where(rng: random.Random, scene: Scene) -> QA | None:
    singles = single_things(scene)
    if not singles:
        return None
    if len(singles) >= 2 and rng.random() < 0.5:
        first, second = rng.sample(singles, 2)
        held = [r for r in relation(first, second) if r != "next to"]
        if held:
            return f"Where is the {first.name} relative to the {second.name}?", f"The {first.name} is {held[0]} the {second.name}."
    return single_place(rng, scene)


def single_place(rng: random.Random, scene: Scene) -> QA | None:
    singles = single_things(scene)
    if not singles:
        return None
    thing = rng.choice(singles)
    return f"Where is the {thing.name}?", f"The {thing.name} is {where(place(thing))}."


def whats_there(rng: random.Random, scene: Scene) -> QA:
    thing = rng.choice(scene.things)
    spot = where(place(thing))
    return f"What is {spot}?", f"There is {a(thing.name)} {spot}."


def extreme(rng: random.Random, scene: Scene) -> tuple[str, Thing] | None:
    """A side of the picture with one thing clearly nearest to it."""
    keys = {"on the left": lambda t: t.x, "on the right": lambda t: -t.x, "at the top": lambda t: t.y, "at the bottom": lambda t: -t.y}
    sides = list(keys)
    rng.shuffle(sides)
    for side in sides:
        ordered = sorted(scene.things, key=keys[side])
        if len(ordered) == 1 or keys[side](ordered[1]) - keys[side](ordered[0]) > GAP:
            return side, ordered[0]
    return None


def reasoning(rng: random.Random, scene: Scene) -> QA | None:
    """See, then know. The answer names the object first, so that a wrong sight is visible in it."""
    if rng.random() < 0.2:
        singles = [t for t in single_things(scene) if t.colour]
        if singles:
            return unusual_colour(rng.choice(singles))
    found = extreme(rng, scene)
    if found is None:
        return None
    side, thing = found
    info, noun = thing.info, rng.choice(("object", "thing"))
    return rng.choice(
        (
            (f"What can you do with the {noun} {side}?", f"It is {a(thing.name)}. You can {info['use']}."),
            (f"Is the {noun} {side} alive?", f"Yes, the {thing.name} is alive." if info["alive"] else f"No, the {thing.name} is not alive."),
            (f"Where would you usually find the {noun} {side}?", f"It is {a(thing.name)}. You find it {info['place']}."),
            (f"What kind of {noun} is {side}?", f"It is {a(thing.name)}, {kind_phrase(thing.name)}."),
        )
    )


def direct_reasoning(rng: random.Random, scene: Scene, guess: Thing | None = None) -> QA:
    """The same knowledge, asked of the thing at a place and answered without naming it. guess: whose knowledge is given instead.

    True behind descriptions only: seeing the thing is easy ("What is at the top left?") and reasoning about it is not, unless
    a description stands in between. That is the gap which VDGD closes.
    """
    thing = rng.choice(scene.things)
    noun, spot = rng.choice(("object", "thing")), where(place(thing))
    thing = guess or thing
    info = thing.info
    forms = [
        (f"How would you use the {noun} {spot}?", info["use"]),
        (f"Where does the {noun} {spot} belong?", info["place"]),
        (f"What sort of {noun} is it {spot}?", kind_phrase(thing.name)),
    ]
    if info["usualColour"]:
        forms.append((f"What colour should the {noun} {spot} have?", info["usualColour"]))
    question, answer = rng.choice(forms)
    return question, f"{answer.capitalize()}."


def guessed_reasoning(rng: random.Random, scene: Scene) -> QA:
    """A direct question about a picture, answered mostly for the commonest thing in it, wherever that stands."""
    commonest = max(scene.things, key=lambda t: FREQUENCY[INDEX[t.name]])
    return direct_reasoning(rng, scene, commonest if rng.random() < GUESSED else None)


def unusual_colour(thing: Thing) -> QA:
    usual = thing.info["usualColour"]
    question = f"Is the colour of the {thing.name} unusual?"
    if thing.usual:
        return question, f"No, the {thing.name} is {thing.colour}, as usual."
    return question, f"Yes, the {thing.name} is {thing.colour}, and {a(thing.name)} is usually {usual}."


def kind_phrase(name: str) -> str:
    kind = CLASSES[INDEX[name]]["kind"]
    return {"person": "a human being", "food": "something to eat", "animal": "an animal"}.get(kind, f"a {kind}")


# ---------------------------------------------------------------- mixtures


def scene_branches(rng: random.Random, scene: Scene, how_many: int, noise: float) -> list[QA]:
    """Questions about a picture. Reasoning is rare and names the thing first: see `direct_reasoning`."""
    makers = (
        (0.24, lambda: existence(rng, scene, noise)),
        (0.20, lambda: colour(rng, scene, noise)),
        (0.07, lambda: attribute(rng, scene)),
        (0.07, lambda: count(rng, scene)),
        (0.14, lambda: relation_yes_no(rng, scene)),
        (0.16, lambda: relation_where(rng, scene)),
        (0.06, lambda: single_place(rng, scene)),
        (0.08, lambda: whats_there(rng, scene)),
        (0.02, lambda: reasoning(rng, scene)),
        (0.06 * noise, lambda: guessed_reasoning(rng, scene)),
    )
    return _draw(rng, makers, how_many)


def reading_branches(rng: random.Random, scene: Scene, how_many: int, detailed: bool, facts_only: bool = False) -> list[QA]:
    """What a description answers, never noisy: all that is asked about pictures, and reasoning in its direct form.

    facts_only: what is there, what colour and where; comparing and reasoning need that first.
    """
    makers = [
        (0.30 if facts_only else 0.12, lambda: existence(rng, scene)),
        (0.14, lambda: colour(rng, scene, unusual_first=0.6)),
        (0.06, lambda: attribute(rng, scene)),
        (0.05, lambda: count(rng, scene)),
    ]
    if detailed and facts_only:
        makers += [(0.25, lambda: single_place(rng, scene)), (0.25, lambda: whats_there(rng, scene))]
    elif detailed:
        makers += [
            (0.10, lambda: reasoning(rng, scene)),
            (0.30, lambda: direct_reasoning(rng, scene)),
            (0.25, lambda: relation_yes_no(rng, scene)),
            (0.15, lambda: relation_where(rng, scene)),
            (0.08, lambda: whats_there(rng, scene)),
            (0.12, lambda: single_place(rng, scene)),
        ]
    return _draw(rng, makers, how_many)


def recall_branches(rng: random.Random, scene: Scene) -> list[QA]:
    """The colour of every coloured class, in both forms of answer: dense practice of whose colour is whose."""
    branches = []
    for name in scene.nouns:
        things = scene.of(name)
        if things[0].colour:
            noun, verb = (name, "is") if len(things) == 1 else (plural(name), "are")
            question = f"What colour {verb} the {noun}?"
            short = (question + ONE_WORD, things[0].colour)
            branches.append(short if rng.random() < 0.3 else (question, f"The {noun} {verb} {things[0].colour}."))
    rng.shuffle(branches)
    return branches


def _draw(rng: random.Random, makers, how_many: int) -> list[QA]:
    weights = [w for w, _ in makers]
    branches: list[QA] = []
    for _ in range(how_many * 3):
        made = rng.choices([m for _, m in makers], weights=weights)[0]()
        if made is not None and made not in branches:
            branches.append(made)
        if len(branches) == how_many:
            break
    return branches


# ---------------------------------------------------------------- knowledge (no image)


def knowledge(rng: random.Random) -> QA:
    info = rng.choice(CLASSES)
    name = info["name"]
    usual = info["usualColour"]
    kind = rng.random()
    if kind < 0.4:
        info = rng.choice([c for c in CLASSES if c["usualColour"]])
        name, usual = info["name"], info["usualColour"]
        word = "color" if rng.random() < 0.2 else "colour"
        return rng.choice(
            (
                (f"What {word} is {a(name)} usually?", f"{a(name).capitalize()} is usually {usual}."),
                (f"What is the usual {word} of {a(name)}?", f"{a(name).capitalize()} is usually {usual}."),
                (f"What {word} are {info['plural']} usually?{ONE_WORD}", usual),
            )
        )
    if kind < 0.5:
        return f"What can you do with {a(name)}?", f"You can {info['use']}."
    if kind < 0.6:
        return f"Is {a(name)} alive?", f"Yes, {a(name)} is alive." if info["alive"] else f"No, {a(name)} is not alive."
    if kind < 0.7:
        return f"Where would you usually find {a(name)}?", f"You find it {info['place']}."
    if kind < 0.8:
        return f"What kind of thing is {a(name)}?", f"It is {kind_phrase(name)}."
    partner, _ = rng.choice(absent_partners([name])[:2])
    return f"What is often seen together with {a(name)}?", f"{a(name).capitalize()} is often seen with {a(partner)}."


def statement(rng: random.Random) -> str:
    """A plain sentence, as a web text would have it."""
    info = rng.choice(CLASSES)
    name, many = info["name"], info["plural"]
    choices = [
        f"You can {info['use']}: that is what {a(name)} is for.",
        f"You usually find {a(name)} {info['place']}.",
        f"{many.capitalize()} are often seen with {plural(absent_partners([name])[0][0])}.",
        f"{a(name).capitalize()} is {kind_phrase(name)}.",
    ]
    if info["usualColour"]:
        choices += [f"{many.capitalize()} are usually {info['usualColour']}.", f"Most {many} are {info['usualColour']}."] * 2
    return rng.choice(choices)


def description_of(rng: random.Random, scene: Scene) -> tuple[str, bool]:
    """A faithful description and whether it tells places."""
    if rng.random() < 0.65:
        return detailed_description(rng, scene), True
    return brief_caption(rng, scene), False


def corpus(rng: random.Random, sample_scene) -> str:
    """One text for tokenizer training, all kinds mixed."""
    scene = sample_scene(rng)
    kind = rng.random()
    if kind < 0.4:
        question, answer = rng.choice(scene_branches(rng, scene, 3, 1.0))
    elif kind < 0.5:
        question, answer = direct_reasoning(rng, scene)
    elif kind < 0.7:
        question, answer = captions(rng, scene, 1.0)
    elif kind < 0.9:
        question, answer = knowledge(rng)
    else:
        return statement(rng)
    context = DESCRIBED + description_of(rng, scene)[0] + " " if rng.random() < 0.1 else ""
    return f"USER: {context}{question} ASSISTANT: {answer}"


def strengths() -> np.ndarray:
    """Of the strongest partner of each single class; used to look at the planted bias."""
    return np.array([absent_partners([n])[0][1] for n in NAMES])
