"""What the authors' functions of DeCo, DoLa, VISTA and Nullu compute, and what pocket answers under them in PyTorch.

    python test/peers/make-methods-states.py MIRRORS

MIRRORS holds bare git repositories OWNER+NAME/repo of the authors' code, which is read from there and never stored. Needs
torch, transformers and pillow. Writes test/golden/methods_states.json: small vectors, and for each method the greedy tokens
of 30 questions, each step computed by the authors' own function on the hidden states of pocket in float32. What their
functions leave out is written here: the pass through pocket, and VISTA's mixture of logits, which stands in a model file.
To be run again when the checkpoint is trained again.
"""

import __future__
import argparse
import ast
import json
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from transformers import AutoProcessor, LlavaForConditionalGeneration

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "pocket/bench"
TOKENS = 32
DEMONSTRATIONS = 12
DECO = dict(alpha=0.6, threshold_top_p=0.9, threshold_top_k=20)
# What 20-28 of 32 layers, 0 to 14, and 26-31 are of five (src/methods/layer-range.ts).
DECO_LAYERS, DOLA_LAYERS, SLA_LAYERS = [3, 4], [0, 1, 2], [4]
LAMBDA, GAMMA = 0.1, 0.3
NULLU_K, NULLU_LAYERS = 4, [3, 4]


def source(mirrors: Path, repository: str, path: str) -> str:
    git = ["git", "-C", str(mirrors / repository / "repo"), "show", f"HEAD:{path}"]
    return subprocess.run(git, check=True, capture_output=True, text=True).stdout


def functions(text: str, names: list[str], scope: dict) -> dict:
    """Some functions of a file that cannot be imported whole; annotations are not evaluated."""
    found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name in names]
    flags = __future__.annotations.compiler_flag
    for node in found:
        node.decorator_list = []
        exec(compile(ast.Module([node], []), node.name, "exec", flags, dont_inherit=True), scope)
    return {name: scope[name] for name in names}


def module(text: str, name: str) -> types.ModuleType:
    """A file as a module."""
    made = types.ModuleType(name)
    sys.modules[name] = made
    exec(compile(text, name, "exec"), made.__dict__)
    return made


class Loop:
    """What the authors' decoding loops ask of a model, with the scores of each step kept."""

    def __init__(self, step, end: int):
        self.step, self.kept = step, []
        self.generation_config = types.SimpleNamespace(
            pad_token_id=0, eos_token_id=end, output_scores=False, output_attentions=False,
            output_hidden_states=False, return_dict_in_generate=False,
        )
        self.config = types.SimpleNamespace(is_encoder_decoder=False)

    def prepare_inputs_for_generation(self, input_ids, **_):
        return {"input_ids": input_ids}

    def _update_model_kwargs_for_generation(self, *_, **__):
        return {}

    def __call__(self, input_ids, early_exit_layers, **_):
        exits, logits = self.step(input_ids, early_exit_layers)
        self.exits = exits
        return exits, types.SimpleNamespace(logits=logits)

    def keep(self, _, scores):
        self.kept.append(scores)
        return scores


def until(length: int):
    return lambda input_ids, _: input_ids.shape[1] >= length


class Pocket:
    def __init__(self):
        folder = ROOT / "pocket/llava"
        self.model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.processor = AutoProcessor.from_pretrained(folder)
        self.end = self.model.generation_config.eos_token_id
        self.text = self.model.model.language_model

    def inputs(self, question: str, image: Path | None):
        parts = [] if image is None else [{"type": "image"}]
        turn = [{"role": "user", "content": [*parts, {"type": "text", "text": question}]}]
        text = self.processor.apply_chat_template(turn, add_generation_prompt=True)
        given = {} if image is None else {"images": Image.open(image).convert("RGB")}
        if image is None:
            return dict(self.processor.tokenizer(text, return_tensors="pt", add_special_tokens=False))
        return dict(self.processor(text=text, return_tensors="pt", add_special_tokens=False, **given))

    def stepper(self, inputs, norm: bool):
        """(exits by layer, logits) behind each token that a loop appends, with a cache."""
        past = None

        def step(input_ids, layers):
            nonlocal past
            fed = inputs if past is None else {"input_ids": input_ids[:, -1:], "past_key_values": past}
            fed = {k: v for k, v in fed.items() if k != "attention_mask"}
            out = self.model(**fed, use_cache=True, output_hidden_states=True)
            past = out.past_key_values
            last = len(self.text.layers)
            exits = {
                i: self.model.lm_head(self.text.norm(h[:, -1:]) if norm and i < last else h[:, -1:])
                for i in layers
                for h in [out.hidden_states[i]]
            }
            self.states = out.hidden_states
            return exits, out.logits[:, -1:]

        return step


def answer(tokens: torch.Tensor, start: int, end: int) -> list[int]:
    return [t for t in tokens[0, start:].tolist() if t != end]


def vectors(mirrors, deco, dola, layers, edit) -> dict:
    torch.manual_seed(1)
    scale = lambda *shape: (torch.randn(*shape) * 2.5)
    steps = []
    for _ in range(6):
        logits, exits = scale(24), scale(3, 24)
        dict_outputs = {i: exits[i][None, None] for i in range(3)} | {3: logits[None, None]}
        first = Loop(lambda *_: (dict_outputs, logits[None, None].clone()), end=-1)
        ids = torch.zeros((1, 1), dtype=torch.long)
        deco(first, ids, **DECO, early_exit_layers=[0, 1, 2], logits_processor=first.keep,
             stopping_criteria=until(2))
        second = Loop(lambda *_: ({k: v.clone() for k, v in dict_outputs.items()}, logits[None, None]), end=-1)
        second.relative_top_filter = types.MethodType(dola["relative_top_filter"], second)
        dola["dola_greedy_decode"](
            second, ids, mature_layer=3, base_layer=None, candidate_premature_layers=[0, 1, 2],
            relative_top=0.1, logits_processor=second.keep, stopping_criteria=until(2))
        finite = lambda row: [None if not np.isfinite(x) else x for x in row.tolist()]
        steps.append({"logits": logits.tolist(), "exits": exits.flatten().tolist(),
                      "deco": finite(first.kept[1][0]), "dola": finite(second.kept[0][0])})
    steered = []
    for strength in (0.01, 0.17, 2.0):
        x, v = scale(1, 4, 12), scale(1, 12)
        made = layers.VSVLayer(v, [strength])(x)
        steered.append({"lambda": strength, "x": x.flatten().tolist(), "v": v[0].tolist(),
                        "steered": made.flatten().tolist()})
    true, false, weight = scale(7, 2, 10), scale(7, 2, 10), scale(2, 10, 6)
    keys = [f"a.b.c.{i}.mlp.down_proj.weight" for i in range(2)]
    edited = nullu(edit, dict(zip(keys, weight)), 10, true, false, 3, [0, 1])
    return {"steps": steps, "steered": steered, "subspace": {
        "differences": (true - false).flatten(1).tolist(), "weight": weight.flatten(1).tolist(),
        "edited": torch.stack([edited[key] for key in keys]).flatten(1).tolist(), "k": 3}}


def nullu(edit, weights, width, true, false, k, layer_range):
    """The authors' edit of MLP weights, from features (n, L, W) of true and hallucinated captions."""
    inner = types.SimpleNamespace(state_dict=lambda: weights, dtype=torch.float32,
                                  load_state_dict=lambda state, assign: weights.update(state))
    editor = edit.HalluEdit.__new__(edit.HalluEdit)
    editor.__dict__.update(
        model=types.SimpleNamespace(model=inner, args=types.SimpleNamespace(model_name="LLaVA-7B")),
        ebd="mean", centering=False, top_k_ranks=k, edit_layer_range=layer_range, alpha=1, lm_sep_idx=3,
        D=width, num_layers=len(layer_range), E=torch.zeros(1), tokenizer=None,
        f=types.SimpleNamespace(write=lambda _: None), project_into_vocabluary=lambda *_, **__: [])
    editor.setup_for_edits(false, true)
    editor.edit_model(editor.hallu_subspace, edit_keys=False, layer_range=layer_range)
    return weights


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mirrors", type=Path)
    mirrors = parser.parse_args().mirrors
    torch.set_num_threads(1)
    # The authors' code runs on a GPU in half precision; here both are left out.
    to = torch.Tensor.to
    torch.Tensor.to = lambda self, *a, **k: to(self, *[x for x in a if x != "cuda"], **k) if a != ("cuda",) else self
    torch.Tensor.cuda = torch.Tensor.half = lambda self: self
    scope = lambda: {"torch": torch, "nn": nn, "F": F, "np": np, "warnings": warnings}
    utils = "transformers/generation/utils.py"
    deco = functions(source(mirrors, "zjunlp+Deco", utils), ["deco_greedy_search"], scope())["deco_greedy_search"]
    dola = functions(source(mirrors, "voidism+DoLa", f"transformers-4.28.1/src/{utils}"),
                     ["relative_top_filter", "dola_greedy_decode"], scope())
    layers = module(source(mirrors, "LzVv123456+VISTA", "llm_layers.py"), "llm_layers")
    module(source(mirrors, "LzVv123456+VISTA", "myutils.py").split("def svd_flip")[1].join(
        ["import torch\nimport torch.nn as nn\ndef svd_flip", ""]), "myutils")
    vector = module(source(mirrors, "LzVv123456+VISTA", "steering_vector.py"), "steering_vector")
    for name in ("cv2", "tqdm"):  # imported, and of no use here
        stub = types.ModuleType(name)
        stub.tqdm = lambda rows: rows
        sys.modules.setdefault(name, stub)
    edit = module(source(mirrors, "Ziwei-Zheng+Nullu", "utils/halluedit.py"), "halluedit")

    golden = vectors(mirrors, deco, dola, layers, edit)
    pocket = Pocket()
    vector.get_layers = lambda _: pocket.text.layers
    golden["questions"] = []
    rows = [json.loads(line) for line in (BENCH / "test/captions.jsonl").read_text().splitlines()[:15]]
    rows += [json.loads(line) for line in (BENCH / "test/pope_adversarial.jsonl").read_text().splitlines()[:60:4]]
    weights = {key: value.clone() for key, value in pocket.model.state_dict().items()}
    for row in rows:
        inputs = pocket.inputs(row["text"], BENCH / "test/images" / row["image"])
        ids, start = inputs["input_ids"], inputs["input_ids"].shape[1]
        stop = until(start + TOKENS)
        found = {}
        loop = Loop(pocket.stepper(inputs, norm=True), pocket.end)
        made = deco(loop, ids, **DECO, early_exit_layers=DECO_LAYERS, logits_processor=loop.keep, stopping_criteria=stop)
        found["deco"] = answer(made, start, pocket.end)
        loop = Loop(pocket.stepper(inputs, norm=False), pocket.end)
        loop.relative_top_filter = types.MethodType(dola["relative_top_filter"], loop)
        made = dola["dola_greedy_decode"](
            loop, ids, mature_layer=5, base_layer=None, candidate_premature_layers=DOLA_LAYERS, relative_top=0.1,
            logits_processor=loop.keep, stopping_criteria=stop)
        found["dola"] = answer(made[0] if isinstance(made, tuple) else made, start, pocket.end)
        found["vista"] = vista(pocket, vector, layers, inputs, pocket.inputs(row["text"], None))
        golden["questions"].append({"image": row["image"], "text": row["text"], "tokens": found})
    demonstrations = [json.loads(l) for l in (BENCH / "dev/demonstrations.jsonl").read_text().splitlines()[:DEMONSTRATIONS]]
    true, false = (torch.stack([features(pocket, d, d[name]) for d in demonstrations]) for name in ("caption", "hallucinated"))
    nullu(edit, weights, pocket.text.config.hidden_size, true, false, NULLU_K, NULLU_LAYERS)
    pocket.model.load_state_dict(weights)
    for row in golden["questions"]:
        inputs = pocket.inputs(row["text"], BENCH / "test/images" / row["image"])
        made = pocket.model.generate(**inputs, do_sample=False, max_new_tokens=TOKENS)
        row["tokens"]["nullu"] = answer(made, inputs["input_ids"].shape[1], pocket.end)
    rounded = json.loads(json.dumps(golden), parse_float=lambda x: float(f"{float(x):.7g}"))
    (ROOT / "test/golden/methods_states.json").write_text(json.dumps(rounded, separators=(",", ":")) + "\n")
    for name in ("deco", "dola", "vista", "nullu"):
        print(name, [len(row["tokens"][name]) for row in golden["questions"]])


def vista(pocket, vector, layers, inputs, blind) -> list[int]:
    [(without, seen)] = vector.get_hiddenstates(pocket.model, [[blind, inputs]])
    v = seen - without  # obtain_vsv adds the component of one centred row, that is of zeros: 1 in its first number
    layers.add_vsv_layers(pocket.text, torch.stack([v], dim=1), [LAMBDA], None)
    step = pocket.stepper(inputs, norm=False)
    ids, tokens = inputs["input_ids"], []
    while len(tokens) < TOKENS and pocket.end not in tokens:
        exits, logits = step(ids, SLA_LAYERS)
        early = torch.stack([exits[i] for i in SLA_LAYERS]).mean(dim=0)
        token = (GAMMA * early + (1 - GAMMA) * logits)[0, -1].argmax()
        tokens.append(int(token))
        ids = torch.cat([ids, token[None, None]], dim=1)
    layers.remove_vsv_layers(pocket.text)
    return [t for t in tokens if t != pocket.end]


def features(pocket, demonstration, caption) -> torch.Tensor:
    """(L, W): the states behind each layer, averaged over the caption's tokens."""
    inputs = pocket.inputs(demonstration["text"], BENCH / "dev/images" / demonstration["image"])
    said = pocket.processor.tokenizer(f" {caption}", return_tensors="pt", add_special_tokens=False).input_ids
    ids = torch.cat([inputs["input_ids"], said], dim=1)
    states = pocket.model(input_ids=ids, pixel_values=inputs["pixel_values"], output_hidden_states=True).hidden_states
    return torch.stack(states)[1:, 0, -said.shape[1] :].mean(1)


if __name__ == "__main__":
    main()
