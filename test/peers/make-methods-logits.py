"""Scores and greedy tokens of the authors' own decoding loops, for methods that need logits only.

    python test/peers/make-methods-logits.py MIRRORS

MIRRORS holds bare clones, MIRRORS/OWNER+NAME/repo: jiwooha20/FLB, sangminwoo/RITUAL, sangminwoo/AvisC,
yfzhang114/LLaVA-Align and ustc-hyin/cd_rethink. Their loops are run as they are; the model behind them is a table of
logits, or the pocket checkpoint in ONNX Runtime, computed anew at each step. Needs torch, transformers, onnxruntime and
pillow. Writes test/golden/methods_logits.json: scores of random logits, and greedy tokens of 30 questions. To be run
again when the checkpoint is trained again.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import torch
import transformers
from PIL import Image, ImageOps
from transformers import AutoProcessor

ROOT = Path(__file__).parents[2]
POCKET = ROOT / "pocket/llava"
TOKENS = 16
DISTURBANCE = "You are a confused objects detector to provide a fuzzy overview or impression of the image."
CD = {"cd_alpha": 1, "cd_beta": 0.1}

# Method of this package, its settings, the authors' file and loop, what the loop is given, and the second stream.
METHODS = [
    ("icd", {}, "icd", "greedy_search", CD, "disturbed"),
    ("icd", {"place": "system"}, "icd", "greedy_search", CD, "system"),
    ("vdd", {}, "vdd", "sample", {**CD, "use_dd": True}, "blind"),
    ("m3id", {"form": "ritual"}, "ritual", "sample", {"use_m3id": True}, "blind"),
    ("m3id", {"form": "avisc"}, "avisc", "sample", {"use_m3id": True, "use_avisc": False}, "blind"),
    ("flb", {}, "flb", "sample", {"use_flb": True}, None),
    ("ritual", {"transform": "flip-horizontal"}, "ritual", "sample", {"use_ritual": True}, "mirrored"),
    ("ritual", {"transform": "flip-vertical"}, "ritual", "sample", {"use_ritual": True}, "flipped"),
    ("vcd", {"distortion": "black"}, "ritual", "sample", {"use_vcd": True}, "black"),
]
# Settings of vdd with the authors' other null images, and what their loop is given; of random logits alone.
NULL_IMAGES = [("unk", {"use_dd_unk": True}), ("both", {"use_dd": True, "use_dd_unk": True})]
IMAGE = -200
FILES = {
    "icd": ("ustc-hyin+cd_rethink", "inference/cd_utils/icd_utils.py"),
    "vdd": ("yfzhang114+LLaVA-Align", "vcd_utils/vcd_sample.py"),
    "ritual": ("sangminwoo+RITUAL", "ritual_utils/ritual_sample.py"),
    "avisc": ("sangminwoo+AvisC", "avisc_utils/avisc_sample.py"),
    "flb": ("jiwooha20+FLB", "vcd_utils/vcd_sample.py"),
}
PLAIN, SECOND, BLIND = 0, 1, 2


class Mask:
    """What the loops ask of older versions of transformers."""

    def _prepare_attention_mask_for_generation(self, *_):
        return None


def loops(mirrors):
    """The authors' functions by file and name, with the names they import that transformers no longer has."""
    utils = transformers.generation.utils
    for kind in ("Sample", "GreedySearch"):
        for name in ("Output", "DecoderOnlyOutput", "EncoderDecoderOutput"):
            setattr(utils, kind + name, SimpleNamespace)
            setattr(transformers.generation, kind + name, SimpleNamespace)
    transformers.generation.stopping_criteria.validate_stopping_criteria = None
    utils.GenerationMixin = Mask
    # One file opens a tokenizer of its authors' machine, which its loop does not use.
    transformers.AutoTokenizer.from_pretrained = lambda *_, **__: None
    for name in ("experiments", "experiments.llava", "experiments.llava.constants"):
        sys.modules[name] = SimpleNamespace(IMAGE_TOKEN_INDEX=IMAGE)
    for name in ("matplotlib", "matplotlib.pyplot"):
        sys.modules[name] = SimpleNamespace(pyplot=None)
    found = {}
    for name, (repository, path) in FILES.items():
        command = ["git", "-C", mirrors / repository / "repo", "show", f"HEAD:{path}"]
        names = {"__name__": name}
        exec(compile(subprocess.run(command, check=True, capture_output=True).stdout, path, "exec"), names)
        found[name] = names
    return found


class Peer:
    """What a loop sees of a model: streams that give logits behind the tokens so far."""

    config = SimpleNamespace(is_encoder_decoder=False)

    def __init__(self, plain, second, end):
        self.streams = {PLAIN: plain, SECOND: second}
        self.generation_config = SimpleNamespace(
            pad_token_id=0,
            eos_token_id=end,
            output_scores=False,
            output_attentions=False,
            output_hidden_states=False,
            return_dict_in_generate=False,
        )

    def prepare_inputs_for_generation(self, input_ids, **_):
        # The first id tells the stream: the loop of ICD has two lists of ids.
        return {"stream": input_ids[0, 0].item(), "tokens": input_ids[0, 1:].tolist()}

    def second(self, input_ids, **_):
        return {"stream": SECOND, "tokens": input_ids[0, 1:].tolist()}

    prepare_inputs_for_generation_cd = prepare_inputs_for_generation_pos = second
    prepare_inputs_for_generation_neg = prepare_inputs_for_generation_m3id = second

    def __call__(self, stream, tokens, **_):
        return SimpleNamespace(logits=torch.tensor(self.streams[stream](tokens))[None, None])

    def _update_model_kwargs_for_generation(self, outputs, kwargs, **_):
        return kwargs


class ImagePeer(Peer):
    """A model whose prompt has an image token, to which its streams give an unknown token, or none."""

    def __init__(self, plain, unknown, blind, end):
        super().__init__(plain, unknown, end)
        self.streams[BLIND] = blind

    def prepare_inputs_for_generation(self, input_ids, **_):
        self.tokens = input_ids[0, 2:].tolist()
        return {"stream": PLAIN, "tokens": self.tokens}

    def prepare_inputs_for_generation_cd(self, input_ids, **_):
        before = input_ids[0, : input_ids.shape[1] - len(self.tokens)].tolist()
        return {"stream": {2: SECOND, 1: BLIND}[len(before)], "tokens": self.tokens}


def decode(loop, kwargs, peer, most):
    """The greedy tokens of a loop, and the scores that it chose them by."""
    scores = []

    def greedily(_, given):
        scores.append(given[0].clone())
        best = torch.full_like(given, -torch.inf)
        best[0, given[0].argmax()] = 0
        return best

    same = {"images_cd": None, "images_pos": 1, "images_neg": 1, "attention_mask": torch.ones(1, 1)}
    if loop.__name__ == "greedy_search":
        given = {"logits_processor": greedily, "input_ids_cd": torch.tensor([[SECOND]]), **same}
    else:
        given = {"logits_processor": lambda _, s: s, "logits_warper": greedily, **same}
    prompt = [PLAIN, IMAGE] if isinstance(peer, ImagePeer) else [PLAIN]
    stop = lambda ids, _: ids.shape[1] >= most + len(prompt)  # noqa: E731
    ids = loop(peer, torch.tensor([prompt]), stopping_criteria=stop, **given, **kwargs)
    return ids[0, len(prompt) :].tolist(), scores


def vectors(found):
    """Scores of random logits: a column of the vocabulary for each step."""
    random = np.random.default_rng(14)
    cases = []
    for method, settings, file, loop, kwargs, second in METHODS:
        if settings.get("place") == "system" or settings.get("transform") == "flip-vertical":
            continue
        rows = np.round(random.normal(0, 2, (2, 12, 9)), 3).astype(np.float32)
        streams = [lambda tokens, own=own: own[len(tokens)] for own in rows]
        _, scores = decode(found[file][loop], kwargs, Peer(*streams, 9), 12)
        kept = [[None if x == -torch.inf else x for x in row.tolist()] for row in scores]
        given = rows[: 1 if second is None else 2]
        shown = [[[round(float(x), 3) for x in step] for step in stream] for stream in given]
        cases.append({"method": method, "settings": settings, "streams": shown, "scores": kept})
    for null_image, kwargs in NULL_IMAGES:
        rows = np.round(random.normal(0, 2, (3, 12, 9)), 3).astype(np.float32)
        streams = [lambda tokens, own=own: own[len(tokens)] for own in rows]
        _, scores = decode(found["vdd"]["sample"], {**CD, **kwargs}, ImagePeer(*streams, 9), 12)
        kept = [[None if x == -torch.inf else x for x in row.tolist()] for row in scores]
        shown = [[[round(float(x), 3) for x in step] for step in stream] for stream in rows]
        given = shown if null_image == "both" else shown[:2]
        cases.append({"method": "vdd", "settings": {"nullImage": null_image}, "streams": given, "scores": kept})
    return cases


class Pocket:
    """The pocket checkpoint in ONNX Runtime, without a cache."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        names = ("vision_encoder", "embed_tokens", "decoder_model_merged")
        self.vision, self.embed, self.decoder = (
            onnxruntime.InferenceSession(str(POCKET / f"onnx/{name}.onnx"), options) for name in names
        )
        self.processor = AutoProcessor.from_pretrained(POCKET)
        self.end = json.loads((POCKET / "generation_config.json").read_text())["eos_token_id"]
        self.image_token = json.loads((POCKET / "config.json").read_text())["image_token_index"]

    def stream(self, turns, picture):
        text = self.processor.apply_chat_template(turns, add_generation_prompt=True)
        given = {} if picture is None else {"images": picture}
        made = self.processor(text=text, **given, return_tensors="np", add_special_tokens=False)
        prompt = made["input_ids"][0].tolist()
        features = None
        if picture is not None:
            features = self.vision.run(None, {"pixel_values": made["pixel_values"]})[0].reshape(
                -1, self.embed.run(None, {"input_ids": np.array([[0]])})[0].shape[-1]
            )

        @cache
        def behind(tokens):
            ids = np.array([prompt + list(tokens)])
            embedded = self.embed.run(None, {"input_ids": ids})[0]
            if features is not None:
                embedded[ids == self.image_token] = features
            return self.run(embedded)

        return lambda tokens: behind(tuple(tokens))

    def run(self, embedded):
        length = embedded.shape[1]
        feeds = {"inputs_embeds": embedded, "num_logits_to_keep": np.array(1)}
        for given in self.decoder.get_inputs():
            if given.name.startswith("past_key_values"):
                shape = [1, given.shape[1], 0, given.shape[3]]
                feeds[given.name] = np.zeros(shape, np.float32)
            elif given.name == "attention_mask":
                feeds[given.name] = np.ones((1, length), np.int64)
            elif given.name == "position_ids":
                feeds[given.name] = np.arange(length)[None]
        return self.decoder.run(["logits"], feeds)[0][0, -1]


def asked(question, system=None):
    content = [{"type": "image"}, {"type": "text", "text": question}]
    turns = [{"role": "user", "content": content}]
    if system is None:
        return turns
    return [{"role": "system", "content": [{"type": "text", "text": system}]}, *turns]


def second_stream(pocket, kind, question, picture):
    if kind is None:
        return None
    if kind == "disturbed":
        return pocket.stream(asked(f"{DISTURBANCE} {question}"), picture)
    if kind == "system":
        return pocket.stream(asked(question, DISTURBANCE), picture)
    if kind == "blind":
        text = [{"type": "text", "text": question}]
        return pocket.stream([{"role": "user", "content": text}], None)
    change = {
        "mirrored": ImageOps.mirror,
        "flipped": ImageOps.flip,
        "black": lambda given: Image.new("RGB", given.size),
    }[kind]
    return pocket.stream(asked(question), change(picture))


def questions():
    folder = ROOT / "pocket/bench/test"
    rows = lambda name: map(json.loads, (folder / name).read_text().splitlines())  # noqa: E731
    captions = [(row["image"], "Describe the image.") for row in rows("captions.jsonl")][:15]
    polls = [(row["image"], row["text"]) for row in rows("pope_adversarial.jsonl")]
    return captions + polls[:: len(polls) // 15][:15]


def answers(found, pocket):
    rows = []
    for image, question in questions():
        picture = Image.open(ROOT / "pocket/bench/test/images" / image).convert("RGB")
        plain = pocket.stream(asked(question), picture)
        tokens = []
        for _, _, file, loop, kwargs, kind in METHODS:
            peer = Peer(plain, second_stream(pocket, kind, question, picture), pocket.end)
            made, _ = decode(found[file][loop], kwargs, peer, TOKENS)
            tokens.append([token for token in made if token != pocket.end])
        rows.append({"image": image, "question": question, "tokens": tokens})
    return rows


def main():
    torch.set_num_threads(1)
    pocket = Pocket()
    found = loops(Path(sys.argv[1]))
    methods = [{"method": name, "settings": settings} for name, settings, *_ in METHODS]
    golden = {"cases": vectors(found), "methods": methods, "maxTokens": TOKENS, "rows": answers(found, pocket)}
    target = ROOT / "test/golden/methods_logits.json"
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
