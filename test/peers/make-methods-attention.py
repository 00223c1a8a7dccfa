"""Golden scores and tokens of the methods that change attention, by their authors' own functions in PyTorch.

    python test/peers/make-methods-attention.py --pai PAI --heads middle_layers_indicating_hallucinations --vaf ClearSight

Each is a checkout of the authors' repository; nothing of them is stored here but what they compute. Writes
test/golden/methods_attention.json, for test/methods/attention-golden.test.ts: scores before and after each change, and what
pocket/llava answers to 30 questions, decoded step by step with the authors' attention in its layers.
"""

import argparse
import json
import os
from pathlib import Path
from types import ModuleType, SimpleNamespace

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from PIL import Image
from transformers import DynamicCache, LlavaForConditionalGeneration, LlavaProcessor
from transformers.models.llama import modeling_llama

ROOT = Path(__file__).parent.parent.parent
DEV = ROOT / "pocket" / "bench" / "dev"
CAPTIONS, YES_NO, MOST = 20, 10, 32
# Layers counted as the authors do, of 32, the last one excluded.
PUBLISHED = {"pai": (2, 32), "heads": (5, 19), "vaf": (9, 15)}
CASES = [
    ("regular", {}),
    ("pai", {}),
    ("pai", {"alpha": 0.5, "gamma": 1}),
    ("pai", {"alpha": 0, "gamma": 2}),
    ("pai", {"alpha": 1, "gamma": 1.5}),
    ("heads", {}),
    ("heads", {"alpha": 1.5}),
    ("vaf", {}),
    ("vaf", {"enhance": 2, "suppress": 0.5}),
]


def load(path: Path, replaced: dict[str, str] | None = None) -> ModuleType:
    """Load a file of the authors, with constants of their model replaced, on today's rotary embedding."""
    source = path.read_text()
    for old, new in (replaced or {}).items():
        assert old in source, f"{path} has no {old}"
        source = source.replace(old, new)
    module = ModuleType(path.stem)
    exec(compile(source, str(path), "exec"), module.__dict__)
    module.apply_rotary_pos_emb = lambda q, k, cos, sin, _: modeling_llama.apply_rotary_pos_emb(q, k, cos, sin)
    return module


class OldCache:
    """A cache as the authors' version of transformers had it."""

    def __init__(self, cache: DynamicCache):
        self.cache = cache

    def get_usable_length(self, _: int, layer: int) -> int:
        return self.cache.get_seq_length(layer)

    def update(self, key, value, layer: int, _):
        return self.cache.update(key, value, layer)


class Authors:
    """The authors' functions, put into the attention of a LlamaModel."""

    def __init__(self, paths: SimpleNamespace):
        self.paths = paths
        self.pai, self.cfg = load(paths.pai / "attention.py"), load(paths.pai / "CFG.py")
        self.heads = load(paths.heads / "modify_attention.py")

    def change(self, llama, method: str, settings: dict, layers: range, image: range) -> None:
        model = SimpleNamespace(model=llama)
        for layer in llama.layers:
            attention = layer.self_attn
            config = attention.config
            attention.num_heads, attention.hidden_size = config.num_attention_heads, config.hidden_size
            attention.num_key_value_heads, attention.pretraining_tp = config.num_key_value_heads, 1
        if method == "pai":
            alpha, use_cfg = settings.get("alpha", 0.2), settings.get("gamma", 1.1) != 1
            self.pai.llama_modify(model, layers.start, layers.stop, True, alpha, use_cfg, image.start, image.stop)
            self.adapt(llama, layers, lambda attention: attention.forward)
        if method == "heads":
            span = [layers.start, layers.stop]
            self.heads.llama_head_guide(model, span, "mean", settings.get("alpha", 0.5), image.start, image.stop)
            self.adapt(llama, layers, lambda attention: attention.forward)
        if method == "vaf":
            sizes = {"SYS_LEN = 35": f"SYS_LEN = {image.start}", "IMG_LEN = 576": f"IMG_LEN = {len(image)}"}
            module = load(self.paths.vaf / "visaug" / "inference" / "AttnAdapter.py", sizes)
            for layer in layers:
                attention = llama.layers[layer].self_attn
                attention.enh_para = settings.get("enhance", 1.15)
                attention.sup_para = settings.get("suppress", 0.95)
            forward = module.AttnAdapter.forward
            self.adapt(llama, layers, lambda attention: forward.__get__(attention))

    def adapt(self, llama, layers: range, forward_of) -> None:
        for layer in layers:
            attention = llama.layers[layer].self_attn
            attention.forward = self.adapted(attention, forward_of(attention))

    def adapted(self, attention, forward):
        """A forward of today's signature around one of the authors'."""

        def run(hidden_states, position_embeddings, attention_mask=None, past_key_values=None, **_):
            attention.rotary_emb = lambda *_, **__: position_embeddings
            layer = attention.layer_idx
            if "AttnAdapter" in forward.__qualname__:
                held = past_key_values.get_seq_length(layer)
                rows = past_key_values.layers[layer] if held else None
                past = None if rows is None else (rows.keys, rows.values)
                out, weights, (key, value) = forward(
                    hidden_states, attention_mask, None, past_key_value=past, use_cache=True
                )
                past_key_values.update(key[:, :, held:], value[:, :, held:], layer)
            else:
                past = OldCache(past_key_values)
                out, weights, _ = forward(hidden_states, attention_mask, None, past_key_value=past)
            return out, weights

        return run


def restore(llama) -> None:
    for layer in llama.layers:
        for name in ("forward", "use_attn", "use_cfg", "alpha", "aggregation", "rotary_emb"):
            layer.self_attn.__dict__.pop(name, None)


def golden_scores(authors: Authors) -> list[dict]:
    """Scores as a softmax takes them, of 2 heads, 3 queries and 5 + 3 keys, before and after each change."""
    torch.manual_seed(5)
    heads, size, past, new = 2, 4, 5, 3
    config = modeling_llama.LlamaConfig(
        hidden_size=heads * size, num_attention_heads=heads, num_key_value_heads=heads, num_hidden_layers=1,
        intermediate_size=8, vocab_size=8, attn_implementation="eager",
    )
    image = range(2, 4)
    held = torch.randn(2, 1, heads, past, size)
    hidden = torch.randn(1, new, heads * size)
    mask = torch.triu(torch.full((new, past + new), -1e4), past + 1)[None, None]
    results = []
    for method, settings in [("pai", {"alpha": 0.5, "gamma": 1}), ("heads", {"alpha": 0.5}), ("vaf", {})]:
        found = []
        for active in (False, True):
            torch.manual_seed(7)
            llama = modeling_llama.LlamaModel(config).eval()
            still = {"vaf": {"enhance": 1, "suppress": 1}}.get(method, {"alpha": 0, "gamma": 1})
            authors.change(llama, method, settings if active else still, range(0, 1), image)
            cache = DynamicCache()
            cache.update(held[0], held[1], 0)
            cos, sin = torch.ones(1, new, size), torch.zeros(1, new, size)
            softmax = torch.nn.functional.softmax

            def seen(scores, *args, **options):
                found.append(scores.detach().clone())
                return softmax(scores, *args, **options)

            torch.nn.functional.softmax = seen
            try:
                llama.layers[0].self_attn.forward(hidden * 4, (cos, sin), mask, cache)
            finally:
                torch.nn.functional.softmax = softmax
        before, after = ((scores - mask).flatten().tolist() for scores in found)
        results.append({"method": method, "settings": settings, "before": before, "after": after})
    shape = {"heads": heads, "queries": new, "keys": past + new, "image": [image.start, image.stop]}
    return [{**shape, **result} for result in results]


class TextStream:
    """The language model as the authors' contrast calls it."""

    def __init__(self, model):
        self.inner = model
        self.model = model.model.language_model

    def __call__(self, ids, use_cache, past_key_values=None):
        out = self.inner(input_ids=ids, past_key_values=past_key_values or DynamicCache(), use_cache=use_cache)
        return SimpleNamespace(logits=out.logits, past_key_values=out.past_key_values)


def answer(authors: Authors, model, prompt, text_ids, method: str, settings: dict, layers: range) -> list[int]:
    llama = model.model.language_model
    ids = prompt["input_ids"]
    places = (ids[0] == model.config.image_token_id).nonzero().flatten()
    image = range(int(places[0]), int(places[-1]) + 1)
    restore(llama)
    authors.change(llama, method, settings, layers, image)
    gamma = settings.get("gamma", 1.1) if method == "pai" else 1
    stream = TextStream(model)
    process = (
        authors.cfg.CFGLogits(gamma, text_ids, stream, start_layer=layers.start, end_layer=layers.stop)
        if gamma != 1
        else None
    )
    cache, tokens = DynamicCache(), []
    out = model(**prompt, past_key_values=cache, use_cache=True)
    while True:
        scores = out.logits[:, -1]
        if process is not None:
            scores = process(torch.tensor([[*ids[0].tolist(), *tokens]]), scores)
        token = int(scores.argmax())
        if token == model.config.text_config.eos_token_id or len(tokens) == MOST:
            return tokens
        tokens.append(token)
        out = model(input_ids=torch.tensor([tokens[-1:]]), past_key_values=cache, use_cache=True)


def golden_answers(authors: Authors) -> dict:
    folder = ROOT / "pocket" / "llava"
    processor = LlavaProcessor.from_pretrained(folder)
    model = LlavaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    depth = model.config.text_config.num_hidden_layers
    lines = [
        json.loads(line)
        for name, count in (("captions", CAPTIONS), ("pope_adversarial", YES_NO))
        for line in (DEV / f"{name}.jsonl").read_text().splitlines()[:count]
    ]
    cases = [{"method": method, "settings": settings, "tokens": []} for method, settings in CASES]
    for line in lines:
        template = lambda content: processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        text = {"type": "text", "text": line["text"]}
        seen = template([{"type": "image"}, text])
        prompt = processor(images=Image.open(DEV / "images" / line["image"]), text=seen, return_tensors="pt")
        text_ids = processor.tokenizer(template([text]), return_tensors="pt")["input_ids"]
        for case in cases:
            start, stop = (round(layer * depth / 32) for layer in PUBLISHED.get(case["method"], (0, 0)))
            with torch.no_grad():
                case["tokens"].append(
                    answer(authors, model, dict(prompt), text_ids, case["method"], case["settings"], range(start, stop))
                )
    return {"questions": [{"image": one["image"], "prompt": one["text"]} for one in lines], "cases": cases}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("pai", "heads", "vaf"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "test" / "golden" / "methods_attention.json")
    options = parser.parse_args()
    authors = Authors(SimpleNamespace(pai=options.pai, heads=options.heads, vaf=options.vaf))
    made = {"scores": golden_scores(authors), "maxTokens": MOST, **golden_answers(authors)}
    options.out.write_text(json.dumps(made) + "\n")
    plain = made["cases"][0]["tokens"]
    for case in made["cases"]:
        differing = sum(own != other for own, other in zip(case["tokens"], plain, strict=True))
        print(case["method"], case["settings"], f"{differing} of {len(plain)} answers differ from regular")


if __name__ == "__main__":
    main()
