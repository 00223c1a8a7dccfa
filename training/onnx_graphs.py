"""ONNX graphs of the pocket LVLM: what each computes, how it is written and quantised.

Traced with the TorchScript exporter, because its node names are module paths
("/model/layers.3/mlp/down_proj/MatMul"), which steering and hidden-state taps
look for. Every graph serves prefill and decoding: the past may have length 0.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from transformers import LlamaForCausalLM, LlavaForConditionalGeneration

OPSET = 17
LARGE_WEIGHT = 1024  # elements; smaller ones are not worth a cast
BATCH, SEQUENCE, PAST, TOTAL = (
    "batch_size",
    "sequence_length",
    "past_sequence_length",
    "total_sequence_length",
)


class KeyValueCache:
    """The part of transformers' cache interface that a Llama decoder uses while traced.

    Keys and values are (B, KV heads, past or total length, head_dim); ``update``
    appends the new positions and keeps the result as the layer's present.
    """

    def __init__(self, past: list[tuple[Tensor, Tensor]]) -> None:
        self.layers = list(past)

    def update(
        self, key: Tensor, value: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        past_key, past_value = self.layers[layer_idx]
        present = (torch.cat([past_key, key], dim=2), torch.cat([past_value, value], dim=2))
        self.layers[layer_idx] = present
        return present

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.layers[layer_idx][0].shape[2]


def attention_bias(attention_mask: Tensor, query_length: Tensor | int) -> Tensor:
    """Return the additive bias (B, 1, Q, K): 0 where a query may look, else the lowest float.

    A query sees the keys up to its own place in the cache that are not padding.
    Padded queries see nothing; their softmax is uniform and their output unused.

    Args:
        attention_mask: (B, K) int64, 1 for tokens and 0 for padding, past included.
        query_length: Q, the number of new positions, at the end of the K.
    """
    total_length = attention_mask.shape[1]
    keys = torch.arange(total_length)
    queries = keys[total_length - query_length :]
    causal = keys[None, :] <= queries[:, None]  # (Q, K)
    allowed = causal[None, None] & attention_mask[:, None, None, :].bool()
    return torch.where(allowed, 0.0, torch.finfo(torch.float32).min)


class Decoder(nn.Module):
    """Llama decoder with language-model head.

    Inputs: inputs_embeds (B, Q, D) or input_ids (B, Q); attention_mask (B, K);
    position_ids (B, Q); num_logits_to_keep, a scalar, 0 for all; then key and
    value of each layer. Outputs: logits (B, kept, V) and the layers' presents.
    """

    def __init__(self, model: nn.Module, lm_head: nn.Linear, takes_ids: bool) -> None:
        super().__init__()
        self.model = model
        self.lm_head = lm_head
        self.takes_ids = takes_ids

    def forward(
        self,
        tokens: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        num_logits_to_keep: Tensor,
        *past: Tensor,
    ) -> tuple[Tensor, ...]:
        embeds = self.model.embed_tokens(tokens) if self.takes_ids else tokens
        cache = KeyValueCache(list(zip(past[0::2], past[1::2], strict=True)))
        hidden = self.model(
            inputs_embeds=embeds,
            attention_mask=attention_bias(attention_mask, embeds.shape[1]),
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        logits = self.lm_head(hidden[:, -num_logits_to_keep:])
        return logits, *(tensor for layer in cache.layers for tensor in layer)


class VisionEncoder(nn.Module):
    """Vision tower and projector: pixel_values (B, 3, 96, 96) -> image_features (B, 64, D)."""

    def __init__(self, llava: LlavaForConditionalGeneration) -> None:
        super().__init__()
        self.vision_tower = llava.model.vision_tower
        self.multi_modal_projector = llava.model.multi_modal_projector

    def forward(self, pixel_values: Tensor) -> Tensor:
        hidden = self.vision_tower(pixel_values).last_hidden_state  # (B, 1 + 64, D_v)
        return self.multi_modal_projector(hidden[:, 1:])


class TokenEmbedding(nn.Module):
    """Token embeddings: input_ids (B, Q) -> inputs_embeds (B, Q, D)."""

    def __init__(self, embed_tokens: nn.Embedding) -> None:
        super().__init__()
        self.embed_tokens = embed_tokens

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.embed_tokens(input_ids)


def trace(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    inputs: dict[str, dict[int, str]],
    outputs: dict[str, dict[int, str]],
) -> onnx.ModelProto:
    """Trace ``module`` into an ONNX model whose inputs and outputs have the given dynamic axes."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            module.eval(),
            arguments,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=inputs | outputs,
        )
        return onnx.load(path)


def trace_decoder(model: nn.Module, lm_head: nn.Linear, takes_ids: bool) -> onnx.ModelProto:
    """Trace a Llama decoder; its first input is input_ids or inputs_embeds."""
    config = model.config
    # Four different lengths, so that the tracer cannot take one for another.
    batch, length, past_length = 2, 3, 5
    first = torch.ones(batch, length, dtype=torch.int64)
    if not takes_ids:
        first = torch.randn(batch, length, config.hidden_size)
    positions = torch.arange(past_length, past_length + length).expand(batch, length)
    mask = torch.ones(batch, past_length + length, dtype=torch.int64)
    past_shape = (batch, config.num_key_value_heads, past_length, config.head_dim)
    past = [torch.randn(past_shape) for _ in range(2 * config.num_hidden_layers)]

    per_token = {0: BATCH, 1: SEQUENCE}
    names = [f"{i}.{kind}" for i in range(config.num_hidden_layers) for kind in ("key", "value")]
    inputs: dict[str, dict[int, str]] = {
        "input_ids" if takes_ids else "inputs_embeds": per_token,
        "attention_mask": {0: BATCH, 1: TOTAL},
        "position_ids": per_token,
        "num_logits_to_keep": {},
        **{f"past_key_values.{name}": {0: BATCH, 2: PAST} for name in names},
    }
    outputs = {
        "logits": {0: BATCH, 1: "num_logits"},
        **{f"present.{name}": {0: BATCH, 2: TOTAL} for name in names},
    }
    arguments = (first, mask, positions.contiguous(), torch.tensor(1), *past)
    return trace(Decoder(model, lm_head, takes_ids), arguments, inputs, outputs)


def trace_llava(llava: LlavaForConditionalGeneration) -> dict[str, onnx.ModelProto]:
    """Return the three graphs of a LLaVA checkpoint by file name (without suffix)."""
    language_model = llava.model.language_model
    image_size = llava.config.vision_config.image_size
    pixels = torch.randn(2, 3, image_size, image_size)
    ids = torch.ones(2, 3, dtype=torch.int64)
    return {
        "embed_tokens": trace(
            TokenEmbedding(language_model.embed_tokens),
            (ids,),
            {"input_ids": {0: BATCH, 1: SEQUENCE}},
            {"inputs_embeds": {0: BATCH, 1: SEQUENCE}},
        ),
        "vision_encoder": trace(
            VisionEncoder(llava),
            (pixels,),
            {"pixel_values": {0: BATCH}},
            {"image_features": {0: BATCH, 1: "num_image_tokens"}},
        ),
        "decoder_model_merged": trace_decoder(language_model, llava.lm_head, takes_ids=False),
    }


def trace_base(base: LlamaForCausalLM) -> dict[str, onnx.ModelProto]:
    """Return the graph of the base LLM by file name (without suffix)."""
    return {"model": trace_decoder(base.model, base.lm_head, takes_ids=True)}


def compact(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop doc strings and copies of constants, and store tied weights once. Changes ``model``."""
    graph = model.graph
    graph.doc_string = ""
    for node in graph.node:
        node.doc_string = ""
    merge_equal_constants(graph)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    untranspose_tied_weights(graph, arrays)
    used = {name for node in graph.node for name in node.input}
    used |= {output.name for output in graph.output}
    keep(graph.initializer, lambda tensor: tensor.name in used)
    keep(graph.node, lambda node: any(name in used for name in node.output))
    name_weights_by_module(graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def keep(items: Any, wanted: Callable[[Any], bool]) -> None:
    """Keep the wanted elements of a repeated protobuf field. Changes ``items``."""
    kept = [item for item in items if wanted(item)]
    del items[:]
    items.extend(kept)


def merge_equal_constants(graph: onnx.GraphProto) -> None:
    """Let nodes that read equal initializers or Constant nodes read the first of them.

    The tracer already merges some initializers, through Identity nodes; these go, too.
    """
    first: dict[bytes, str] = {}
    alias: dict[str, str] = {}
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        content = f"{array.dtype}{array.shape}".encode() + array.tobytes()
        alias[tensor.name] = first.setdefault(content, tensor.name)
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = alias.get(name, name)
        if node.op_type == "Identity" and node.input[0] in alias:
            alias[node.output[0]] = node.input[0]
        elif node.op_type == "Constant":
            content = node.attribute[0].SerializeToString()
            alias[node.output[0]] = first.setdefault(content, node.output[0])


def untranspose_tied_weights(graph: onnx.GraphProto, arrays: dict[str, np.ndarray]) -> None:
    """Replace a weight that is another's transpose by a Transpose node.

    Tied input and output embeddings are then stored once; a runtime folds the
    node away when it loads the model.
    """
    tables = {node.input[0] for node in graph.node if node.op_type == "Gather"} & arrays.keys()
    for position, node in reversed(list(enumerate(graph.node))):
        if node.op_type != "MatMul" or node.input[1] not in arrays:
            continue
        weight = arrays[node.input[1]]
        for table in tables:
            if np.array_equal(arrays[table].T, weight):
                name = f"{node.name.rsplit('/', 1)[0]}/Transpose"
                transpose = onnx.helper.make_node(
                    "Transpose", [table], [f"{name}_output_0"], name=name, perm=[1, 0]
                )
                node.input[1] = transpose.output[0]
                graph.node.insert(position, transpose)


def name_weights_by_module(graph: onnx.GraphProto) -> None:
    """Rename the transposed weights "onnx::MatMul_123" to their module path and ".weight.T"."""
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1].startswith("onnx::"):
            path = node.name.strip("/").rsplit("/", 1)[0].replace("/", ".")
            tensor = initializers[node.input[1]]
            node.input[1] = tensor.name = f"{path}.weight.T"


def store_as_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Halve the file: keep large float32 weights as float16 and cast them. Changes ``model``.

    Exact, as weights were rounded to float16 before tracing. A runtime folds
    the casts when it loads the model, so computation stays in float32.
    """
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < LARGE_WEIGHT:
            continue
        name, stored = tensor.name, f"{tensor.name}.float16"
        values = numpy_helper.to_array(tensor)
        if not np.array_equal(values.astype(np.float16).astype(np.float32), values):
            raise ValueError(f"received weight {name} with more than float16 precision; round it")
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(
            onnx.helper.make_node(
                "Cast", [stored], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def quantise(source: Path, target: Path) -> None:
    """Write the int8 variant of an ONNX file: per-channel weights, activations at run time.

    Matrix products with a constant weight and embedding tables are quantised;
    convolutions stay in float32, as not every runtime has their integer form.
    """
    logging.getLogger().setLevel(logging.ERROR)  # it advises a pre-processing step, not needed here
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul", "Gather"],
        per_channel=True,
        weight_type=QuantType.QUInt8,
    )
