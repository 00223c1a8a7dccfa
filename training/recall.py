"""Start some heads of a fresh decoder as a circuit for associative recall: whose colour is it?

"The image shows a cup that is blue and a dog that is red. What colour is the cup? ASSISTANT: The cup is" - to go on with
"blue" a decoder must bring the noun to the colour (three tokens back), the noun to the answer's "is" (one token back), and
match the two. From random weights that circuit did not form within 3 million tokens: the decoder names *a* colour of the
text, its attention saturates on that, and no gradient points to the match. Started as below it is there after 0.2
million tokens (99% with two to six coloured things), and training is free to change every weight of it afterwards.
The idea is that of mimetic initialisation (Trockman and Kolter, arXiv 2305.09828). The shape stays that of a stock Llama
decoder; the attention biases that it needs are an option of its config (`attention_bias`).

Heads of the first layer write what stands one token back, three tokens back, and around five tokens back, each into a
space of its own. Heads of the middle layers compare:

| query | key | finds, for instance |
|---|---|---|
| word before | word three back | from "The cup is": the colour in "a cup that is blue" |
| the word itself | word before | from "Is there a cup": what follows "cup" in the text (an induction head) |
| word before | words around five back | from "The cup is": what the text goes on to say, such as "on the left" |
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from model_config import HEAD_DIM

EMBEDDING_STD = 0.1  # wide enough that the first layers' random MLPs do not drown the words
# Of look-back heads: strength of their biases and the rotary pairs that carry them. Fast pairs point at one token, slower
# ones at some nine, whose words are then written the more loudly.
SHARP, BROAD = (6.0, range(8)), (2.9, range(3, 8))
BROAD_VOLUME = 3.0
MATCH_GAIN, BROAD_MATCH_GAIN, COPY_GAIN = 1.9, 2.2, 0.2
# Rotary pairs that turn by less than this a token still compare contents at the distance of a description.
SLOW = 0.04


def orthonormal(rows: int, columns: int) -> Tensor:
    """Random (rows, columns) matrix with orthonormal columns."""
    return torch.linalg.qr(torch.randn(rows, columns))[0]


def head(index: int) -> slice:
    return slice(index * HEAD_DIM, (index + 1) * HEAD_DIM)


def look_back(model: LlamaForCausalLM, index: int, distance: int, strength: float, pairs: Iterable[int]) -> None:
    """Make a head of the first layer attend `distance` tokens back, whatever stands there: by its biases alone.

    With query s and key s * e^(i * angle * distance) in a rotary pair, their product at an offset o is
    s^2 cos(angle * (o - distance)); summed over several pairs that peaks at the wanted offset only.
    """
    attention = model.model.layers[0].self_attn
    start, half = index * HEAD_DIM, HEAD_DIM // 2
    for pair in pairs:
        turn = model.model.rotary_emb.inv_freq[pair].item() * distance
        attention.q_proj.bias[start + pair] = strength
        attention.k_proj.bias[start + pair] = strength * math.cos(turn)
        attention.k_proj.bias[start + pair + half] = strength * math.sin(turn)


def match(attention: torch.nn.Module, index: int, query: Tensor, key: Tensor, slow: Tensor) -> None:
    """Make a head attend where `key` of the residual equals `query` here, and say the word that stands there.

    query, key (HEAD_DIM, width) read a word from the residual; slow (HEAD_DIM,) keeps the dimensions that compare contents.
    """
    width = query.shape[1]
    attention.q_proj.weight[head(index)] = query * slow[:, None]
    attention.k_proj.weight[head(index)] = key * slow[:, None]
    copied = orthonormal(width, HEAD_DIM)  # embeddings are tied, so what is written back is said
    attention.v_proj.weight[head(index)] = copied.T
    attention.o_proj.weight[:, head(index)] = copied * COPY_GAIN


@torch.no_grad()
def prepare_recall(model: LlamaForCausalLM) -> None:
    """Changes a freshly initialised `model`: embeddings, three heads of the first layer, three of each middle layer."""
    width = model.config.hidden_size
    model.model.embed_tokens.weight.normal_(0, EMBEDDING_STD)
    word = orthonormal(width, HEAD_DIM).T  # what is carried of a word, the same everywhere
    spaces = orthonormal(width, 3 * HEAD_DIM)
    before, three_back, around = spaces[:, head(0)], spaces[:, head(1)], spaces[:, head(2)]
    first = model.model.layers[0].self_attn
    written = ((1, SHARP, before, 1.0), (3, SHARP, three_back, 1.0), (5, BROAD, around, BROAD_VOLUME))
    for index, (distance, (strength, pairs), space, volume) in enumerate(written):
        look_back(model, index, distance, strength, pairs)
        first.v_proj.weight[head(index)] = word
        first.o_proj.weight[:, head(index)] = space * EMBEDDING_STD * volume
    slow = (model.model.rotary_emb.inv_freq.repeat(2) < SLOW).float()
    for layer in model.model.layers[1:-1]:
        match(layer.self_attn, 0, before.T * MATCH_GAIN, three_back.T * MATCH_GAIN, slow)
        match(layer.self_attn, 1, word * MATCH_GAIN, before.T * MATCH_GAIN, slow)
        match(layer.self_attn, 2, before.T * BROAD_MATCH_GAIN, around.T * BROAD_MATCH_GAIN, slow)
