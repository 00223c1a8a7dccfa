"""Pack dialogues into rows: one shared context, many independent question-answer branches.

    row:   <s>USER: [description] [<image> x 64 \\n] | question 1 ASSISTANT: answer 1</s> | question 2 ASSISTANT: ...
    mask:  a branch sees its dialogue's context and itself; positions of every branch start behind the context

so each branch is computed exactly as if it stood alone, and the image is paid for once. A description stands before the
image, as in the code of VDGD's authors.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from tokenizers import Tokenizer

from model_config import BOS, EOS, IMAGE, IMAGE_TOKENS, PAD
from text import Dialogue
from tokenizer import PATH


@lru_cache(maxsize=1)
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(PATH))


@lru_cache(maxsize=50000)
def ids_of(text: str) -> tuple[int, ...]:
    return tuple(tokenizer().encode(text).ids)


@dataclass
class Row:
    """Parallel lists of one packed row. weight: loss weight of predicting this token."""

    ids: list[int] = field(default_factory=list)
    position: list[int] = field(default_factory=list)
    dialogue: list[int] = field(default_factory=list)
    branch: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    # index of the token whose state predicts this one: the context's last token starts every branch
    parent: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, ids, weight: float, dialogue: int, branch: int, position: int, parent: int) -> tuple[int, int]:
        """Append tokens of one branch; returns the next position and the last token's index."""
        for token in ids:
            self.parent.append(parent)
            parent = len(self.ids)
            self.ids.append(token)
            self.position.append(position)
            self.dialogue.append(dialogue)
            self.branch.append(branch)
            self.weight.append(weight)
            position += 1
        return position, parent


def add_dialogue(row: Row, dialogue: Dialogue, number: int, limit: int, text_weight: float) -> int:
    """Append what fits in `limit` tokens; returns how many branches did. text_weight: of contexts and questions."""
    lead, head = " ", [BOS, *ids_of("USER:")]
    context = ids_of(f" {dialogue.context.strip()}") if dialogue.context else ()
    picture: list[int] = []
    if dialogue.image:  # behind its newline a text starts without a space
        lead, picture = "", [*ids_of(" "), *[IMAGE] * IMAGE_TOKENS, *ids_of("\n")]
    branches = [(ids_of(f"{lead}{q} ASSISTANT:"), (*ids_of(f" {a}"), EOS)) for q, a in dialogue.branches]
    start = len(row) + len(head) + len(context) + len(picture)
    if not branches or start + len(branches[0][0]) + len(branches[0][1]) > limit:
        return 0
    position, last = row.add(head, 0.0, number, 0, 0, -1)
    position, last = row.add(context, text_weight, number, 0, position, last)
    position, last = row.add(picture, 0.0, number, 0, position, last)
    done = 0
    for question, answer in branches:
        if len(row) + len(question) + len(answer) > limit:
            break
        done += 1
        at, tail = row.add(question, text_weight, number, done, position, last)
        row.add(answer, 1.0, number, done, at, tail)
    return done


def add_text(row: Row, text: str, number: int, limit: int) -> bool:
    ids = [BOS, *ids_of(text), EOS]
    if len(row) + len(ids) > limit:
        return False
    position, last = row.add(ids[:1], 0.0, number, 0, 0, -1)
    row.add(ids[1:], 1.0, number, 0, position, last)
    return True


@dataclass
class Batch:
    """ids, position (B, L); mask (B, 1, L, L) bool, True = may attend; source/target/weight: the predicted tokens."""

    ids: torch.Tensor
    position: torch.Tensor
    mask: torch.Tensor
    source: torch.Tensor  # (N,) index into B*L of the predicting state
    target: torch.Tensor  # (N,)
    weight: torch.Tensor  # (N,)


def collate(rows: list[Row]) -> Batch:
    length = max(len(r) for r in rows)
    shape = (len(rows), length)
    ids, position = np.full(shape, PAD), np.zeros(shape, dtype=np.int64)
    dialogue, branch = np.full(shape, -1), np.zeros(shape, dtype=np.int64)
    source, target, weight = [], [], []
    for i, row in enumerate(rows):
        n = len(row)
        ids[i, :n], position[i, :n] = row.ids, row.position
        dialogue[i, :n], branch[i, :n] = row.dialogue, row.branch
        w, parent = np.array(row.weight), np.array(row.parent)
        chosen = np.nonzero((w > 0) & (parent >= 0))[0]
        source.append(parent[chosen] + i * length)
        target.append(np.array(row.ids)[chosen])
        weight.append(w[chosen])
    same = dialogue[:, :, None] == dialogue[:, None, :]
    reach = (branch[:, None, :] == 0) | (branch[:, :, None] == branch[:, None, :])
    mask = same & reach & np.tril(np.ones((length, length), dtype=bool))
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(position),
        torch.from_numpy(mask[:, None]),
        torch.from_numpy(np.concatenate(source)),
        torch.from_numpy(np.concatenate(target)),
        torch.from_numpy(np.concatenate(weight)).float(),
    )
