"""Greedy decoding of an exported checkpoint with ONNX Runtime, for verification."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from model_config import EOS, IMAGE

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Continuation:
    """Greedy tokens after a prompt (end-of-sequence included) and the logits (n, V) they came from."""

    tokens: list[int]
    logits: Floats


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph on one CPU thread."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])


def position_ids(attention_mask: Ids) -> Ids:
    """Return positions that count tokens only, (B, K); padding gets 1, as in transformers."""
    positions = attention_mask.cumsum(axis=1) - 1
    return np.where(attention_mask == 0, 1, positions)


class Decoder:
    """A decoder graph with its key/value cache, fed with embeddings or with token ids."""

    def __init__(self, path: Path) -> None:
        self.session = open_session(path)
        inputs = self.session.get_inputs()
        self.first_input = inputs[0].name
        self.past = {i.name: i.shape for i in inputs if i.name.startswith("past_key_values.")}

    def empty_cache(self, batch: int) -> list[Floats]:
        """Return keys and values of length 0 for each layer."""
        shapes = ((batch, heads, 0, size) for _, heads, _, size in self.past.values())
        return [np.zeros(shape, np.float32) for shape in shapes]

    def run(
        self, first: Floats | Ids, mask: Ids, cache: list[Floats]
    ) -> tuple[Floats, list[Floats]]:
        """Feed new positions (B, Q, ...); return all their logits (B, Q, V) and the grown cache.

        Args:
            first: Embeddings (B, Q, D) or token ids (B, Q).
            mask: (B, past + Q), 0 for padding.
            cache: Keys and values (B, heads, past, size), layer by layer.
        """
        logits, *present = self.session.run(
            None,
            {
                self.first_input: first,
                "attention_mask": mask,
                "position_ids": position_ids(mask)[:, -first.shape[1] :],
                "num_logits_to_keep": np.array(0, np.int64),
                **dict(zip(self.past, cache, strict=True)),
            },
        )
        return logits, present


class OnnxModel:
    """An exported LLaVA or base checkpoint; ``suffix`` is "" or "_quantized"."""

    def __init__(self, folder: Path, suffix: str = "") -> None:
        graphs = folder / "onnx"
        self.is_llava = (graphs / "decoder_model_merged.onnx").exists()
        if self.is_llava:
            self.embedding = open_session(graphs / f"embed_tokens{suffix}.onnx")
            self.vision = open_session(graphs / f"vision_encoder{suffix}.onnx")
        name = "decoder_model_merged" if self.is_llava else "model"
        self.decoder = Decoder(graphs / f"{name}{suffix}.onnx")

    def first_input(self, ids: Ids, pixels: Floats | None) -> Floats | Ids:
        """Return what the decoder reads: ids (B, Q), or their embeddings with image features put in."""
        if not self.is_llava:
            return ids
        embeds = self.embedding.run(None, {"input_ids": ids})[0].copy()  # (B, Q, D)
        if pixels is not None:
            features = self.vision.run(None, {"pixel_values": pixels})[0]  # (B, 64, D)
            embeds[ids == IMAGE] = features.reshape(-1, features.shape[-1])
        return embeds

    def prefill_logits(self, ids: Ids, mask: Ids, pixels: Floats | None) -> Floats:
        """Return the logits (B, Q, V) of whole, possibly padded, sequences."""
        first = self.first_input(ids, pixels)
        return self.decoder.run(first, mask, self.decoder.empty_cache(len(ids)))[0]

    def greedy(self, ids: Ids, pixels: Floats | None, max_new_tokens: int) -> Continuation:
        """Continue one prompt (1, Q) with the key/value cache until ``</s>``."""
        first, cache = self.first_input(ids, pixels), self.decoder.empty_cache(1)
        mask = np.ones((1, ids.shape[1]), np.int64)
        tokens: list[int] = []
        rows: list[Floats] = []
        while len(tokens) < max_new_tokens and (not tokens or tokens[-1] != EOS):
            logits, cache = self.decoder.run(first, mask, cache)
            rows.append(logits[0, -1])
            tokens.append(int(logits[0, -1].argmax()))
            first = self.first_input(np.array([tokens[-1:]], np.int64), None)
            mask = np.ones((1, mask.shape[1] + 1), np.int64)
        return Continuation(tokens, np.stack(rows))
