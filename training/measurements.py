"""What is measured of a checkpoint on one benchmark split: every function returns figures by name."""

from collections.abc import Iterable

import torch

from asking import CAPTION_TOKENS, Pocket, Sentence, meets_rubric, mentions, said_colour, says_yes, sentences
from diffusion import add_noise
from estimates import Figure, Tally, difference, perplexity, ratio, share
from loop import rng_of
from model_config import EOS
from text import DESCRIBED, ONE_WORD
from train_base import unusual_dialogue
from world import CLASSES, Thing, absent_partners, place

Figures = dict[str, Figure]
Captions = list[tuple[dict, str]]  # records and what the model said
NOISE_STEPS = (0, 500, 700, 900, 999)
BASE_DIALOGUES = 150  # for each number of coloured classes


def tallied(hits: Iterable[tuple[str, float]]) -> Tally:
    tally = Tally()
    for scene, hit in hits:
        tally.add(scene, hit)
    return tally


# ---------------------------------------------------------------- questions


def false_yes(pocket: Pocket, name: str, noise_step: int | None = None) -> Tally:
    records = [r for r in pocket.records(name) if r["label"] == "no"]
    said = map(says_yes, pocket.asked(records, 2, name, noise_step))
    return tallied((r["image"], s is True) for s, r in zip(said, records))


def pope(pocket: Pocket) -> dict[str, Figures]:
    figures: dict[str, Figures] = {}
    wrong: dict[str, Tally] = {}
    for kind in ("random", "popular", "adversarial"):
        records = pocket.records(f"pope_{kind}")
        answers = [(r, says_yes(a)) for r, a in zip(records, pocket.asked(records, 2, f"pope {kind}"))]
        wrong[kind] = tallied((r["image"], s is True) for r, s in answers if r["label"] == "no")
        figures[f"pope_{kind}"] = {
            "accuracy": share(tallied((r["image"], s == (r["label"] == "yes")) for r, s in answers)),
            "false_yes": share(wrong[kind]),
            "missed": share(tallied((r["image"], s is not True) for r, s in answers if r["label"] == "yes")),
        }
    figures["pope_adversarial"]["false_yes_to_random"] = ratio(wrong["adversarial"], wrong["random"])
    return figures


def yes_no(pocket: Pocket, name: str) -> Figures:
    records = pocket.records(name)
    answers = zip(records, pocket.asked(records, 3, name))
    return {"accuracy": share(tallied((r["image"], says_yes(a) == (r["label"] == "yes")) for r, a in answers))}


def colour_tallies(records: list[dict], answers: list[str]) -> dict[str, Tally]:
    said = [(r, said_colour(a, r["object"])) for r, a in zip(records, answers)]
    unusual = [(r, s) for r, s in said if not r["is_usual"]]
    return {
        "usual": tallied((r["image"], s == r["answer"]) for r, s in said if r["is_usual"]),
        "unusual": tallied((r["image"], s == r["answer"]) for r, s in unusual),
        "errors_that_are_the_usual_colour": tallied((r["image"], s == r["usual"]) for r, s in unusual if s != r["answer"]),
        "unusual_answered_usual": tallied((r["image"], s == r["usual"]) for r, s in unusual),
    }


def colours(pocket: Pocket) -> dict[str, Figures]:
    """Direct answers, and answers behind the model's own description."""
    records = pocket.records("colours")
    direct = colour_tallies(records, pocket.asked(records, 10, "colours"))
    told = [(pocket.pixels(r["image"]), r["text"], pocket.descriptions[r["image"]]) for r in records]
    described = colour_tallies(records, pocket.asker.answers(told, 10, "described colours"))
    return {
        "colours": {name: share(tally) for name, tally in direct.items()},
        "described_colours": {name: share(tally) for name, tally in described.items()}
        | {"unusual_minus_direct": difference(described["unusual"], direct["unusual"])},
    }


def counts(pocket: Pocket) -> Figures:
    records = pocket.records("counts")
    answers = zip(records, pocket.asked(records, 8, "counts"))
    return {"accuracy": share(tallied((r["image"], r["answer"] in a.lower().split()) for r, a in answers))}


def reasoning(pocket: Pocket) -> Figures:
    records = pocket.records("reasoning")
    answers = zip(records, pocket.asked(records, 24, "reasoning"))
    return {"accuracy": share(tallied((r["image"], meets_rubric(r, a)) for r, a in answers))}


def direct(pocket: Pocket) -> Figures:
    """Direct-form reasoning from the image alone, behind the model's own description of it, and behind the true one."""
    records = pocket.records("direct")
    pixels = [pocket.pixels(r["image"]) for r in records]
    asked = {
        "seen": [(p, r["text"]) for p, r in zip(pixels, records)],
        "own_description": [(p, r["text"], pocket.descriptions[r["image"]]) for p, r in zip(pixels, records)],
        "gold_description": [(p, r["text"], r["description"]) for p, r in zip(pixels, records)],
    }
    tallies = {}
    for name, items in asked.items():
        answers = zip(records, pocket.asker.answers(items, 8, f"direct reasoning, {name}"))
        tallies[name] = tallied((r["image"], meets_rubric(r, a)) for r, a in answers)
    figures = {name: share(tally) for name, tally in tallies.items()}
    return figures | {"own_minus_seen": difference(tallies["own_description"], tallies["seen"])}


def reading(pocket: Pocket) -> Figures:
    """Gold description in the prompt, image replaced by pure noise (t = 999 of an empty image)."""
    records = pocket.records("reading")
    generator = torch.Generator().manual_seed(pocket.seed)
    items = [(add_noise(torch.zeros(3, 96, 96), 999, generator), r["text"], r["description"]) for r in records]
    right = []
    for record, answer in zip(records, pocket.asker.answers(items, 10, "reading")):
        if "is_usual" in record:
            right.append(said_colour(answer, record["text"][len("What colour is the ") : -1]) == record["answer"])
        else:
            right.append(says_yes(answer) == (record["answer"] == "yes"))
    scored = [(r["image"], hit, r.get("is_usual")) for r, hit in zip(records, right)]
    return {
        "all": share(tallied((i, hit) for i, hit, _ in scored)),
        "existence": share(tallied((i, hit) for i, hit, usual in scored if usual is None)),
        "colour": share(tallied((i, hit) for i, hit, usual in scored if usual is not None)),
        "unusual_colour": share(tallied((i, hit) for i, hit, usual in scored if usual is False)),
    }


def noise_sweep(pocket: Pocket) -> dict[str, Figures]:
    figures = {}
    records = pocket.records("colours")
    for step in NOISE_STEPS:
        answers = pocket.asked(records, 10, f"colours at noise {step}", step)
        figures[f"noise_{step}"] = {
            "adversarial_false_yes": share(false_yes(pocket, "pope_adversarial", step)),
            "unusual_answered_usual": share(colour_tallies(records, answers)["unusual_answered_usual"]),
        }
    return figures


# ---------------------------------------------------------------- texts about an image


def captions_of(pocket: Pocket) -> Captions:
    records = pocket.records("captions")
    return list(zip(records, pocket.asked(records, CAPTION_TOKENS, "captions")))


def chair_tallies(pocket: Pocket, texts: Captions) -> dict[str, Tally]:
    """CHAIR and recall; of the inventions, how many are named last and how many are the strongest absent partner."""
    names = ("chair_s", "chair_i", "recall", "inventions_last", "inventions_first_partner")
    tally = {name: Tally() for name in names}
    for record, text in texts:
        image, said = record["image"], list(mentions(text))
        truth = pocket.nouns(image)
        invented = [name for name in said if name not in truth]
        tally["chair_s"].add(image, bool(invented))
        tally["chair_i"].add(image, len(invented), len(said))
        tally["recall"].add(image, len(set(said) & set(truth)), len(truth))
        for name in invented:
            tally["inventions_last"].add(image, name == said[-1])
            tally["inventions_first_partner"].add(image, name == absent_partners(truth)[0][0])
    return tally


def chair(pocket: Pocket, texts: Captions) -> Figures:
    return {name: share(tally) for name, tally in chair_tallies(pocket, texts).items()}


def against(plain: Pocket, pocket: Pocket, texts: Captions) -> Figures:
    """CHAIR_s and recall of `pocket`'s captions minus those of the plain model's, points."""
    before, now = chair_tallies(plain, captions_of(plain)), chair_tallies(pocket, texts)
    return {name: difference(now[name], before[name]) for name in ("chair_s", "recall")}


def described(pocket: Pocket) -> Figures:
    """The model's own detailed descriptions against the scenes.

    precision: of the classes named; recall: of those that are there. Colours and places: of the true classes that have a
    sentence, right where the colour, or the set of places, is that of the scene.
    """
    names = ("precision", "recall", "unusual_colours", "unusual_said_usual", "usual_colours", "places")
    tally = {name: Tally() for name in names}
    for image, text in pocket.descriptions.items():
        said, truth = mentions(text), pocket.nouns(image)
        tally["precision"].add(image, len(set(said) & set(truth)), len(said))
        tally["recall"].add(image, len(set(said) & set(truth)), len(truth))
        for sentence in sentences(text):
            things = [t for t in pocket.things[image] if t.name == sentence.name]
            if things:
                _score_sentence(tally, image, sentence, things)
    return {name: share(t) for name, t in tally.items()}


def _score_sentence(tally: dict[str, Tally], image: str, sentence: Sentence, things: list[Thing]) -> None:
    thing = things[0]
    tally["places"].add(image, sentence.places == {place(t) for t in things})
    if thing.colour:
        tally["usual_colours" if thing.usual else "unusual_colours"].add(image, sentence.colour == thing.colour)
        if not thing.usual:
            tally["unusual_said_usual"].add(image, sentence.colour == thing.info["usualColour"])


# ---------------------------------------------------------------- the base LLM


def base_reading(pocket: Pocket) -> Figures:
    """Colours of unusual things read by the base LLM from descriptions with 2 to 5 coloured classes; scenes of their own."""
    rng = rng_of(pocket.seed, f"measure-reading/{pocket.bench.name}", 0)
    figures = {}
    for number in (2, 3, 4, 5):
        items, right = [], []
        for scene in range(min(BASE_DIALOGUES, pocket.limit or BASE_DIALOGUES)):
            dialogue = unusual_dialogue(rng, number)
            for question, _ in dialogue.branches:
                noun = question.removesuffix(ONE_WORD).removesuffix("?").split(" the ", 1)[1]
                thing = next(t for t in dialogue.scene.things if noun in (t.name, t.info["plural"]))
                if not thing.usual:
                    items.append((None, question, dialogue.context.removeprefix(DESCRIBED)))
                    right.append((str(scene), noun, thing.colour))
        answers = pocket.asker.answers(items, 10, f"base LLM, {number} coloured classes")
        hits = ((scene, said_colour(a, noun) == colour) for a, (scene, noun, colour) in zip(answers, right))
        figures[f"unusual_{number}"] = share(tallied(hits))
    return figures


def base_knowledge(pocket: Pocket) -> Figures:
    known = [c for c in CLASSES if c["usualColour"]]
    forms = ("What colour is {} {} usually?", "What is the usual colour of {} {}?")
    asked = [(c, f.format(c["article"], c["name"])) for c in known for f in forms]
    answers = pocket.asker.answers([(None, q) for _, q in asked], 12)
    plain = [a.lower().replace(f"{c['article']} {c['name']}", "", 1) for a, (c, _) in zip(answers, asked)]
    return {"accuracy": share(tallied((c["name"], said_colour(a) == c["usualColour"]) for a, (c, _) in zip(plain, asked)))}


def base_on_captions(pocket: Pocket, texts: Captions) -> Figures:
    """The LVLM's captions under the base LLM, given the same text without the image.

    Perplexity, and how often the first token of a class's name has rank 1 (is "unshifted") where the class is invented
    and where it is there.
    """
    loss = Tally()
    first: dict[bool, Tally] = {True: Tally(), False: Tally()}
    beyond: dict[bool, Tally] = {True: Tally(), False: Tally()}
    for record, text in texts:
        image, truth = record["image"], pocket.nouns(record["image"])
        prompt = pocket.asker.prompt(record["text"], image=False)
        encoded = pocket.asker.tokenizer.encode(f" {text}")
        answer = torch.tensor([*encoded.ids, EOS])
        ids = torch.cat([torch.tensor(prompt), answer])[None].to(pocket.asker.base.device)
        scores = pocket.asker.base(input_ids=ids).logits[0, len(prompt) - 1 : -1].float().cpu().log_softmax(-1)
        said = scores.gather(-1, answer[:, None])
        loss.add(image, -said.sum().item(), len(answer))
        ranks = ((scores > said).sum(-1) + 1).tolist()
        for name, at in mentions(text).items():
            token = next(i for i, (_, end) in enumerate(encoded.offsets) if at + 1 < end)
            first[name in truth].add(image, ranks[token] == 1)
            beyond[name in truth].add(image, ranks[token] > 3)
    return {
        "perplexity": perplexity(loss),
        "invented_rank_1": share(first[False]),
        "true_rank_1": share(first[True]),
        "invented_to_true": ratio(first[False], first[True]),
        "invented_beyond_3": share(beyond[False]),
        "true_beyond_3": share(beyond[True]),
    }
