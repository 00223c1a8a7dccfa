"""Hidden states of pocket/base in PyTorch, for test/node/states.test.ts.

    python test/peers/make-base-states.py [--out test/golden/base_states.json]

Needs transformers (and torch), as training/requirements.txt pins them. Of each layer the first eight numbers of the mean over
the tokens from the third one on.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import AutoModelForCausalLM

ROOT = Path(__file__).parent.parent.parent
TOKENS = [1, 30, 41, 55, 62, 17, 88]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=ROOT / "test" / "golden" / "base_states.json")
    out = Path(parser.parse_args().out)
    model = AutoModelForCausalLM.from_pretrained(ROOT / "pocket" / "base", dtype=torch.float32).eval()
    with torch.no_grad():
        states = model(torch.tensor([TOKENS]), output_hidden_states=True).hidden_states
    means = [state[0, 2:].mean(0)[:8].tolist() for state in states]
    out.write_text(json.dumps({"tokens": TOKENS, "from": 2, "means": means}) + "\n")


if __name__ == "__main__":
    main()
