"""Record what transformers makes of images and prompts for Qwen-VL: sizes, patches and positions.

    python test/golden/make-qwen-vl.py    # writes qwen_vl.json beside it; transformers 5.23.0, torch, pillow 11.3.0

Pillow 13 resamples in another order where that is quicker, which differs in rounding.
"""

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLModel, Qwen2VLConfig, Qwen2VLModel
from transformers import Qwen3VLConfig, Qwen3VLModel
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
    Qwen2VLImageProcessorPil,
    smart_resize,
)

MODELS = {
    "qwen2_vl": (Qwen2VLModel, Qwen2VLConfig),
    "qwen2_5_vl": (Qwen2_5_VLModel, Qwen2_5_VLConfig),
    "qwen3_vl": (Qwen3VLModel, Qwen3VLConfig),
}


def sizes(draw: random.Random) -> list[list[int]]:
    """[width, height, factor, least, most, width after, height after]."""
    edges = [1, 13, 14, 27, 42, 70, 98, 126, 224, 640, 1000, 4032]
    rows = []
    while len(rows) < 120:
        width, height = draw.choice(edges), draw.choice(edges)
        factor = draw.choice([28, 32])
        least, most = draw.choice([(3136, 1003520), (65536, 16777216), (784, 12544)])
        if max(width, height) / min(width, height) > 200:
            continue
        after = smart_resize(height, width, factor, least, most)
        rows.append([width, height, factor, least, most, after[1], after[0]])
    return rows


def picture(width: int, height: int) -> np.ndarray:
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((7 * x + 13 * y + 50 * c + 3 * ((x * y) % 31)) % 256).astype(np.uint8)


def patches() -> list[dict]:
    found = []
    for settings, width, height in [
        ({"patch_size": 14, "min_pixels": 784, "max_pixels": 12544}, 50, 37),
        ({"patch_size": 14, "size": {"shortest_edge": 3136, "longest_edge": 6272}}, 210, 90),
        (
            {
                "patch_size": 16,
                "size": {"shortest_edge": 4096, "longest_edge": 65536},
                "image_mean": [0.5] * 3,
                "image_std": [0.5] * 3,
            },
            32,
            96,
        ),
    ]:
        made = Qwen2VLImageProcessorPil(**settings)(Image.fromarray(picture(width, height)))
        values = np.asarray(made["pixel_values"], dtype="<f4")
        found.append(
            {
                "settings": settings,
                "width": width,
                "height": height,
                "grid": np.asarray(made["image_grid_thw"])[0].tolist(),
                "dims": list(values.shape),
                "first": [round(float(v), 6) for v in values[0, :4]],
                "sha256": hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest(),
            }
        )
    return found


def positions(draw: random.Random) -> list[dict]:
    """Prompts as texts and images in turn: numbers of tokens, and grids after merging (rows, columns)."""
    cases = []
    for name, (model_class, config_class) in MODELS.items():
        with torch.device("meta"):
            model = model_class(config_class())
        for pieces in ([5], [3, [2, 3], 4], [1, [4, 1], 2, [1, 4], 1], None, None):
            if pieces is None:
                pieces = [draw.randint(1, 9)]
                for _ in range(draw.randint(1, 4)):
                    pieces += [[draw.randint(1, 6), draw.randint(1, 6)], draw.randint(1, 9)]
            types, grids = [], []
            for piece in pieces:
                if isinstance(piece, int):
                    types += [0] * piece
                else:
                    types += [1] * (piece[0] * piece[1])
                    grids.append([1, 2 * piece[0], 2 * piece[1]])
            planes, delta = model.get_rope_index(
                torch.tensor([[7] * len(types)]),
                torch.tensor([types]),
                torch.tensor(grids) if grids else None,
            )
            cases.append(
                {
                    "model": name,
                    "pieces": pieces,
                    "planes": planes[:, 0].tolist(),
                    "delta": int(delta[0, 0]),
                }
            )
    return cases


def main() -> None:
    draw = random.Random(0)
    made = {
        "source": f"transformers {transformers.__version__}: smart_resize, Qwen2VLImageProcessorPil, get_rope_index",
        "sizes": sizes(draw),
        "patches": patches(),
        "positions": positions(draw),
    }
    path = Path(__file__).with_name("qwen_vl.json")
    path.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
