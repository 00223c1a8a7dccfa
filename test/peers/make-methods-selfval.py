"""LPFV of objects and scores of captions by SelfVal's own functions, on the pocket checkpoint.

    python test/peers/make-methods-selfval.py MIRRORS

MIRRORS holds bare clones, MIRRORS/OWNER+NAME/repo, of Liushiyu-0709/SelfVal. Its functions `cal_selfconsistency` and
`sample` are taken out of their files and run as they are, on made-up logits of bytes. Writes
test/golden/methods_selfval.json: the score of some captions, given as lists of objects; and for 30 images ln p(no) - ln
p(yes) of each object when the pocket checkpoint in ONNX Runtime is asked whether it is there. To be run again when the
checkpoint is trained again.
"""

import ast
import copy
import importlib.util
import json
import subprocess
import sys
import typing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import transformers
from PIL import Image

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("logits", Path(__file__).with_name("make-methods-logits.py"))
logits_methods = importlib.util.module_from_spec(spec)
spec.loader.exec_module(logits_methods)
VERIFY = "Is there {} {} in the image?\nAnswer the question using a single word"


def function(mirrors, path, name, names):
    """One function of a file of the authors, in a module of the given names."""
    command = ["git", "-C", mirrors / "Liushiyu-0709+SelfVal/repo", "show", f"HEAD:{path}"]
    tree = ast.parse(subprocess.run(command, check=True, capture_output=True).stdout)
    tree.body = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == name][:1]
    for argument in [*tree.body[0].args.args]:
        argument.annotation = None
    tree.body[0].returns = None
    exec(compile(tree, path, "exec"), names)
    return names[name]


class Peer:
    """What `sample` sees of a model: logits behind the tokens so far."""

    config = SimpleNamespace(is_encoder_decoder=False, mm_use_im_start_end=False)
    generation_config = SimpleNamespace(
        pad_token_id=0,
        eos_token_id=None,
        output_scores=False,
        output_attentions=False,
        output_hidden_states=False,
        return_dict_in_generate=False,
    )

    def __init__(self, behind, sample):
        self.behind = behind
        self.sample = sample

    def prepare_inputs_for_generation(self, input_ids, **_):
        return {"tokens": input_ids[0, 1:].tolist()}

    def __call__(self, tokens, **_):
        return SimpleNamespace(logits=torch.tensor(self.behind(tokens))[None, None])

    def _update_model_kwargs_for_generation(self, outputs, kwargs, **_):
        return kwargs

    def generate(self, input_ids, measure_tokens_dict, **_):
        warp = transformers.TopKLogitsWarper(50)  # transformers' default under do_sample
        spelt = {name: [torch.tensor([token]) for token in ids] for name, ids in measure_tokens_dict.items()}
        return self.sample(
            self,
            input_ids,
            logits_processor=lambda _, s: s,
            logits_warper=warp,
            stopping_criteria=lambda *_: False,
            pad_token_id=0,
            measure_tokens_dict=spelt,
        )


def logits(tokens):
    """Made-up logits (259) behind some bytes, the same in test/methods/selfval.test.ts."""
    at = np.arange(259, dtype=np.float64)
    letters = 8 * (((at >= 66) & (at <= 84)) | ((at >= 97) & (at <= 117)))
    return (2 * np.sin(1 + 7 * at + 13 * sum(tokens) + 5 * len(tokens)) + letters).astype(np.float32)


CAPTIONS = [["dog"], ["cup", "dog"], ["fork", "cup", "bed"], ["tv", "tv", "cat"], ["bus"], ["cat", "bed"], []]


def selection_names():
    """What the authors' file of the selection has besides its own functions, without an evaluator of captions."""
    conversation = SimpleNamespace(roles=("u", "a"), append_message=lambda *_: None, get_prompt=lambda: "")
    conversation.copy = lambda: conversation
    return {
        "DEFAULT_IMAGE_TOKEN": "",
        "IMAGE_TOKEN_INDEX": 0,
        "conv_templates": {"any": conversation},
        "tokenizer_image_token": lambda *_, **__: torch.tensor([0]),
        "torch": torch,
        "np": np,
        "print": lambda *_: None,
    }


def scores(mirrors):
    """The authors' scores of lists of objects, each a caption."""
    names = {**vars(typing), "torch": torch, "nn": torch.nn, "copy": copy, "dist": None}
    peer = Peer(logits, function(mirrors, "experiments/myutils.py", "sample", names))
    given = {**selection_names(), "evaluator": SimpleNamespace(caption_to_words=lambda caption: [caption])}
    score = function(mirrors, "experiments/llava/eval/selection.py", "cal_selfconsistency", given)
    encode = lambda text, **_: SimpleNamespace(input_ids=list(text.encode()))  # noqa: E731
    args = SimpleNamespace(conv_mode="any")
    made = [float(score(args, peer, encode, torch.zeros(1), names)) for names in CAPTIONS]
    return [{"objects": names, "score": one} for names, one in zip(CAPTIONS, made)]


def margins():
    """ln p(no) - ln p(yes) of objects of 30 images, and of one that is not in each."""
    pocket = logits_methods.Pocket()
    tokenizer = pocket.processor.tokenizer
    truth = json.loads((ROOT / "pocket/bench/dev/objects_by_image.json").read_text())
    everything = sorted({name for names in truth.values() for name in names})
    rows = []
    for number, (image, names) in enumerate(list(truth.items())[:30]):
        picture = Image.open(ROOT / "pocket/bench/dev/images" / image)
        absent = next(name for name in everything[number:] if name not in names)
        asked = {}
        for name in [*names, absent]:
            text = VERIFY.format("an" if name[0] in "aeiou" else "a", name)
            found = pocket.stream(logits_methods.asked(text), picture)([])
            yes, no = (np.logaddexp.reduce([found[i] for i in spellings(tokenizer, word)]) for word in ("yes", "no"))
            asked[name] = round(float(no - yes), 4)
        rows.append({"image": image, "margins": asked})
    return rows


def main(mirrors):
    torch.Tensor.cuda = lambda self, *_: self
    torch.Tensor.half = lambda self: self
    golden = {"cases": scores(mirrors), "rows": margins()}
    (ROOT / "test/golden/methods_selfval.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def spellings(tokenizer, word):
    written = [one for shape in (word.capitalize(), word, word.upper()) for one in (shape, f" {shape}")]
    ids = [tokenizer.encode(one, add_special_tokens=False) for one in written]
    whole = [one for one in ids if len(one) == 1]
    return sorted({one[0] for one in whole or ids})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
