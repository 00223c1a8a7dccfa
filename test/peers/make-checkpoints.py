"""Make tiny checkpoints of random weights, with what PyTorch computes for them as reference.

    python test/peers/make-checkpoints.py [FAMILY ...] [--out test/checkpoints]

Needs torch, transformers, onnx, onnxruntime, onnxruntime-genai and pillow, as training/requirements.txt pins the first
four. FAMILY is a module of test/peers/checkpoints; without one, all are made. test/families/*.test.ts compare.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
FAMILIES = sorted(
    path.stem for path in (HERE / "checkpoints").glob("*.py") if path.stem not in ("__init__", "common")
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}")
    parser.add_argument("--out", type=Path, default=HERE.parent / "checkpoints")
    options = parser.parse_args()
    unknown = set(options.families) - set(FAMILIES)
    if unknown:
        parser.error(f"received {', '.join(sorted(unknown))}; expected some of {', '.join(FAMILIES)}")
    for name in options.families or FAMILIES:
        for folder in importlib.import_module(f"checkpoints.{name}").make(options.out):
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            print(f"{folder}: {size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
