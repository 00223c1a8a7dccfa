"""Start some heads of a fresh decoder as a circuit for associative recall: whose colour is it?

"The image shows a cup that is blue and a dog that is red. What colour is the cup? ASSISTANT: The cup is" - to go on with
"blue" a decoder must bring the noun to the colour (three tokens back), the noun to the answer's "is" (one token back), and
match the two. From random weights that circuit did not form within 3 million tokens: the decoder names *a* colour of the
text, its attention saturates on that, and no gradient points to the match. Started as below it is there after 0.2
million tokens (99% with two to six coloured things), and training is free to change every weight of it afterwards.
The idea is that of mimetic initialisation (Trockman and Kolter, arXiv 2305.09828). The shape stays that of a stock Llama
decoder; the attention biases that it needs are an option of its config (`attention_bias`).
"""

import math

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from model_config import HEAD_DIM

EMBEDDING_STD = 0.1  # wide enough that the first layers' random MLPs do not drown the words
TO_NOUN_OF_ANSWER, TO_NOUN_OF_COLOUR = 1, 3  # "cup is ...", "cup that is blue"
LOOK_BACK_STRENGTH, LOOK_BACK_PAIRS = 6.0, 8
MATCH_GAIN, COPY_GAIN = 1.5, 0.2
# Rotary pairs that turn by less than this a token still compare contents at the distance of a description.
SLOW = 0.04


def orthonormal(rows: int, columns: int) -> Tensor:
    """Random (rows, columns) matrix with orthonormal columns."""
    return torch.linalg.qr(torch.randn(rows, columns))[0]


def head(index: int) -> slice:
    return slice(index * HEAD_DIM, (index + 1) * HEAD_DIM)


@torch.no_grad()
def look_back(model: LlamaForCausalLM, index: int, distance: int) -> None:
    """Make a head of the first layer attend `distance` tokens back, whatever stands there: by its biases alone.

    With query s and key s * e^(i * angle * distance) in a rotary pair, their product at an offset o is
    s^2 cos(angle * (o - distance)); summed over the fast pairs that peaks at the wanted offset only.
    """
    attention = model.model.layers[0].self_attn
    start, half = index * HEAD_DIM, HEAD_DIM // 2
    for pair, angle in enumerate(model.model.rotary_emb.inv_freq[:LOOK_BACK_PAIRS].tolist()):
        attention.q_proj.bias[start + pair] = LOOK_BACK_STRENGTH
        attention.k_proj.bias[start + pair] = LOOK_BACK_STRENGTH * math.cos(angle * distance)
        attention.k_proj.bias[start + pair + half] = LOOK_BACK_STRENGTH * math.sin(angle * distance)


@torch.no_grad()
def prepare_recall(model: LlamaForCausalLM) -> None:
    """Changes a freshly initialised `model`: embeddings, two heads of the first layer, one of each middle layer."""
    width = model.config.hidden_size
    model.model.embed_tokens.weight.normal_(0, EMBEDDING_STD)
    word = orthonormal(width, HEAD_DIM).T  # what both look-back heads carry of a word
    spaces = orthonormal(width, 2 * HEAD_DIM)
    of_answer, of_colour = spaces[:, :HEAD_DIM], spaces[:, HEAD_DIM:]  # where they write it
    first = model.model.layers[0].self_attn
    for index, (distance, space) in enumerate(((TO_NOUN_OF_ANSWER, of_answer), (TO_NOUN_OF_COLOUR, of_colour))):
        look_back(model, index, distance)
        first.v_proj.weight[head(index)] = word
        first.o_proj.weight[:, head(index)] = space * EMBEDDING_STD
    angles = model.model.rotary_emb.inv_freq.repeat(2)  # of each of the head's dimensions
    slow = (angles < SLOW).float()[:, None]
    for layer in model.model.layers[1:-1]:
        attention = layer.self_attn
        attention.q_proj.weight[head(0)] = of_answer.T * slow * MATCH_GAIN
        attention.k_proj.weight[head(0)] = of_colour.T * slow * MATCH_GAIN
        copied = orthonormal(width, HEAD_DIM)  # embeddings are tied, so what is written back is said
        attention.v_proj.weight[head(0)] = copied.T
        attention.o_proj.weight[:, head(0)] = copied * COPY_GAIN
