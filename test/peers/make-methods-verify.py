"""What `verify` and `selfval` make of 30 images, step by step, by code that shares nothing with this package.

    python test/peers/make-methods-verify.py MIRRORS

MIRRORS holds bare clones, MIRRORS/OWNER+NAME/repo, of Liushiyu-0709/SelfVal, whose `sample_best`, `cal_selfconsistency`
and `sample` choose among the samples of each image as they are. All else is written from docs/methods/verify.md and
selfval.md, on the pocket checkpoint in ONNX Runtime: drafts, the objects in them (CHAIR's words out of
src/objects/chair-words.ts, by regular expressions), asking back, and what becomes of the text. Samples are drawn here,
and given in the golden file. Writes test/golden/methods_verify.json. To be run again when the checkpoint is trained again.
"""

import copy
import importlib.util
import json
import re
import sys
import types
import typing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).parent


def module(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"make-methods-{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


selfval = module("selfval")
logits_methods = selfval.logits_methods
IMAGES = selfval.ROOT / "pocket/bench/test/images"
QUESTION = "Describe the image."
ELEMENT = "Describe any element of the image with only one word or phrase."
SUMMED = "Description from different sources:\n{}\nGiven the materials above, give the final description:"
MOST, SAMPLES, REWRITES = 60, 5, 3
# The pocket checkpoint was never asked for any element: most chances lie below the default of 0.01.
CERTAIN = 1e-4


def word_list():
    """CHAIR's words, each with its object, out of the file that this package has them in."""
    source = (selfval.ROOT / "src/objects/chair-words.ts").read_text()
    lines = source.split("`")[1].replace("\n  ", " ").strip().split("\n")
    rows = [[word.strip() for word in line.split(",")] for line in lines]
    return {word: row[0] for row in rows for word in row}


def plurals(word):
    yield word
    yield word + "s"
    if re.search(r"(s|x|ch|sh|o)$", word):
        yield word + "es"
    if word.endswith("fe") or word.endswith("f"):
        yield re.sub(r"fe?$", "ves", word)
    if re.search(r"[^aeiou]y$", word):
        yield word[:-1] + "ies"
    if word.endswith("mouse"):
        yield word[:-5] + "mice"


WORDS = word_list()
SURFACE = {}
for known in WORDS:
    for form in plurals(known):
        SURFACE.setdefault(form.lower(), known)
SURFACE.update({word.lower(): word for word in WORDS})
LONGEST_FIRST = sorted(SURFACE, key=len, reverse=True)
NAMED = re.compile(rf"\b({'|'.join(map(re.escape, LONGEST_FIRST))})\b", re.IGNORECASE)


class Seen:
    """One image, and what the checkpoint says of it."""

    def __init__(self, pocket, image, random):
        self.pocket = pocket
        self.tokenizer = pocket.processor.tokenizer
        self.picture = Image.open(IMAGES / image).convert("RGB")
        self.describe = self.asked(QUESTION)
        self.random = random
        self.margins = {}

    def asked(self, question):
        return self.pocket.stream(logits_methods.asked(question), self.picture)

    def answer(self, behind, given=(), excluded=(), temperature=0):
        """Tokens of an answer that begins with the given ones; those excluded are not chosen right behind these."""
        ids = list(given)
        while len(ids) < MOST:
            logits = np.array(behind(ids), np.float64)
            if len(ids) == len(given):
                logits[list(excluded)] = -np.inf
            chosen = int(logits.argmax())
            if temperature > 0:
                p = np.exp((logits - logits.max()) / temperature)
                chosen = int(self.random.choice(len(p), p=p / p.sum()))
            if chosen == self.pocket.end:
                break
            ids.append(chosen)
        return ids

    def text(self, ids):
        return self.tokenizer.decode(ids).strip()

    def ends(self, ids):
        """Where each token ends in the text."""
        whole = self.tokenizer.decode(ids)
        lead = len(whole) - len(whole.lstrip())
        return [max(0, len(self.tokenizer.decode(ids[: i + 1])) - lead) for i in range(len(ids))]

    def mentions(self, ids):
        """(word, object, start, end, token) of each object in the text."""
        text, ends = self.text(ids), self.ends(ids)
        found = []
        for match in NAMED.finditer(text):
            if match[0] == "orange" and re.search(r"\b(is|are|was|were) $", text[: match.start()]):
                continue
            word = SURFACE[match[0].lower()]
            token = next(i for i, end in enumerate(ends) if end > match.start())
            found.append((word, WORDS[word], match.start(), match.end(), token))
        return found

    def margin(self, name):
        """ln p(no) - ln p(yes) where it is asked whether the object is there."""
        if name not in self.margins:
            article = "an" if name[0] in "aeiou" else "a"
            logits = self.asked(selfval.VERIFY.format(article, name))([])
            yes, no = (
                np.logaddexp.reduce([logits[i] for i in selfval.spellings(self.tokenizer, word)])
                for word in ("yes", "no")
            )
            self.margins[name] = float(no - yes)
        return self.margins[name]

    def doubts(self, name):
        return self.margin(name) > 0

    def sentences(self, ids):
        """Pairs of tokens, the second exclusive."""
        text, ends = self.text(ids), self.ends(ids)
        stops = [match.end() for match in re.finditer(r"[.!?](?=\s|$)", text)]
        if len(text) not in stops:
            stops.append(len(text))
        tokens = [sum(end <= stop for end in ends) for stop in stops]
        return list(zip([0, *tokens], tokens))

    def dropped(self, ids):
        names = [[one[1] for one in self.mentions(ids) if a <= one[4] < b] for a, b in self.sentences(ids)]
        sentences = self.sentences(ids)
        kept = [one for one, named in zip(sentences, names) if not any(map(self.doubts, named))]
        if not kept:
            worst = [max(map(self.margin, named)) for named in names]
            kept = [sentences[int(np.argmin(worst))]]
        return [token for a, b in kept for token in ids[a:b]]

    def best(self, drafts):
        """The draft with fewest doubtful objects, then with most others."""
        keys = []
        for ids in drafts:
            names = {one[1] for one in self.mentions(ids)}
            doubtful = sum(map(self.doubts, names))
            keys.append((doubtful, doubtful - len(names)))
        return keys.index(min(keys))

    def rewritten(self, ids):
        excluded, left = set(), set()
        while True:
            found = [one for one in self.mentions(ids) if self.doubts(one[1]) and one[1] not in left]
            if not found:
                return ids
            other = self.otherwise(ids, found[0][4], excluded, left) or self.ended(ids, found[0])
            if other is None:
                left.add(found[0][1])
            ids = ids if other is None else other

    def otherwise(self, ids, at, excluded, left):
        begins = ids[at]
        for _ in range(REWRITES):
            excluded.add(begins)
            made = self.answer(self.describe, ids[:at], excluded)
            if len(made) <= at:
                return None
            found = self.mentions(made)
            doubted = [one[4] for one in found if self.doubts(one[1]) and one[1] not in left]
            here = [one[1] for one in found if one[4] == at]
            repeats = any(one[1] in here for one in found if one[4] < at)
            said = self.text(made)[self.ends(made)[at - 1] if at > 0 else 0 :].lstrip()
            if all(token > at for token in doubted) and not repeats and re.match(r"[^\W_]", said):
                return made
            begins = made[at]
        return None

    def ended(self, ids, doubt):
        """The sentence ends behind the object in front of the doubtful one; without one before, it is left out."""
        first, last = next((a, b) for a, b in self.sentences(ids) if a <= doubt[4] < b)
        before = [one for one in self.mentions(ids) if first <= one[4] < doubt[4]]
        if not before:
            return ids[:first] + ids[last:] or None
        text, ends = self.text(ids), self.ends(ids)
        stop = before[-1][3]
        between = text[stop : doubt[2]]
        joints = [match.start() for match in re.finditer(r"\s*(?:[,;:]|\b(?:and|with|or)\b)", between)]
        stop += joints[-1] if joints else 0
        kept = sum(end <= stop for end in ends)
        own = self.tokenizer.decode(ids[last - 1 : last]).strip()
        mark = [ids[last - 1]] if own in (".", "!", "?") else self.tokenizer.encode(".", add_special_tokens=False)
        return ids[:kept] + mark + ids[last:]

    def chance(self, word):
        """How likely the word is as any element of the image, in all its spellings of fewest tokens."""
        behind = self.asked(ELEMENT)
        forms = {shape for one in (word, word[0].upper() + word[1:]) for shape in (one, f" {one}")}
        ids = {tuple(self.tokenizer.encode(form, add_special_tokens=False)) for form in forms}
        fewest = min(map(len, ids))
        total = 0.0
        for one in ids:
            if len(one) == fewest:
                rows = [np.array(behind(list(one[:k])), np.float64) for k in range(fewest)]
                total += np.exp(sum(row[token] - np.logaddexp.reduce(row) for row, token in zip(rows, one)))
        return float(total)

    def score(self, ids):
        words = [one[0] for one in self.mentions(ids)]
        return float(np.mean([self.chance(word) for word in words])) if words else 1.0

    def clauses(self, ids):
        text = self.text(ids)
        kept = []
        for match in re.finditer(r"[^.!?;:,]+[.!?;:,]*\s*", text):
            named = [one[0] for one in self.mentions(ids) if match.start() <= one[2] < match.end()]
            if all(self.chance(word) > CERTAIN for word in named):
                kept.append(match[0].strip())
        return kept


class Authors:
    """Their scores of samples, and the sample that they take by scores."""

    def __init__(self, mirrors):
        names = {**vars(typing), "torch": torch, "nn": torch.nn, "copy": copy, "dist": None}
        self.sample = selfval.function(mirrors, "experiments/myutils.py", "sample", names)
        self.names = selfval.selection_names()
        path = "experiments/llava/eval/selection.py"
        self.score = selfval.function(mirrors, path, "cal_selfconsistency", self.names)
        self.best = selfval.function(mirrors, path, "sample_best", self.names)

    def scores(self, seen, drafts):
        self.names["evaluator"] = SimpleNamespace(caption_to_words=lambda ids: [[one[0] for one in seen.mentions(ids)]])
        encode = lambda text, **_: SimpleNamespace(  # noqa: E731
            input_ids=seen.tokenizer.encode(text, add_special_tokens=False)
        )
        peer = selfval.Peer(seen.asked(ELEMENT), self.sample)
        args = SimpleNamespace(conv_mode="any")
        return [float(self.score(args, peer, encode, torch.zeros(1), ids)) for ids in drafts]

    def chosen(self, scores):
        # Samples with the same objects in another order are equal, and the first of them is taken.
        own = {**self.names, "cal_selfconsistency": lambda *given: float(f"{scores[given[4]]:.6g}")}
        best = types.FunctionType(self.best.__code__, own)
        return best(SimpleNamespace(extract_method="mscoco"), None, None, None, list(range(len(scores))), None)


def row(seen, judge, image, before):
    greedy = seen.answer(seen.describe)
    # The caption of another image behind its own: sentences, and objects that are not there.
    two = greedy + before
    samples = [greedy, *(seen.answer(seen.describe, temperature=1.5) for _ in range(SAMPLES - 1))]
    scores = [seen.score(ids) for ids in samples]
    clauses = [clause for ids in samples for clause in seen.clauses(ids)]
    summed = seen.answer(seen.asked(SUMMED.format("||".join(clauses)))) if clauses else None
    theirs = judge.scores(seen, samples)
    return {
        "image": image,
        "greedy": greedy,
        "two": two,
        "samples": samples,
        "rewrite": seen.rewritten(greedy),
        "rewriteTwo": seen.rewritten(two),
        "drop": seen.dropped(two),
        "best": seen.best(samples),
        "spellings": {"scores": scores, "chosen": judge.chosen(scores)},
        "official": {"scores": theirs, "chosen": judge.chosen(theirs)},
        "aggregate": {"clauses": clauses, "tokens": summed},
    }


def main(mirrors):
    torch.Tensor.cuda = lambda self, *_: self
    torch.Tensor.half = lambda self: self
    pocket = logits_methods.Pocket()
    judge = Authors(mirrors)
    random = np.random.default_rng(14)
    images = [json.loads(line)["image"] for line in (IMAGES.parent / "captions.jsonl").read_text().splitlines()]
    doubtful, others = [], []
    before = []
    for image in images:
        seen = Seen(pocket, image, random)
        greedy = seen.answer(seen.describe)
        kind = doubtful if seen.rewritten(greedy) != greedy else others
        if before and len(kind) < 15:
            kind.append(row(seen, judge, image, before))
        before = greedy
        if len(doubtful) + len(others) == 30:
            break
    rows = doubtful + others
    golden = {"question": QUESTION, "maxTokens": MOST, "threshold": CERTAIN, "rows": rows}
    target = selfval.ROOT / "test/golden/methods_verify.json"
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    changed = lambda name, of: sum(one[name] != one[of] for one in rows)  # noqa: E731
    print(len(rows), "rows,", target.stat().st_size, "bytes; changed:", changed("rewrite", "greedy"))
    print("of two sentences:", changed("rewriteTwo", "two"), "rewritten,", changed("drop", "two"), "dropped")
    print("best", [one["best"] for one in rows], "selfval", [one["spellings"]["chosen"] for one in rows])
    print("official", [one["official"]["chosen"] for one in rows], sum(any(one["official"]["scores"]) for one in rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
