"""What torchvision and Pillow make of a picture, for the transformations of RITUAL and the distortions of
`vcd`.

    python test/peers/make-pictures.py

Needs torch, torchvision and pillow. Writes test/golden/pictures.json: a picture of 24 x 18 pixels, and the bytes of each
change of it, in base64.
"""

import base64
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

WIDTH, HEIGHT = 24, 18


def jittered(picture):
    """All changes of a jitter but the hue's, one behind the other."""
    picture = functional.adjust_saturation(picture, 1.7)
    picture = functional.adjust_contrast(picture, 0.6)
    return functional.adjust_brightness(picture, 1.2)


def masked(picture, count):
    """The first of 14 x 14 cells, in rows, in the mean colour."""
    cells = (torch.arange(14 * 14) < count).reshape(1, 1, 14, 14).float()
    mask = torch.nn.functional.interpolate(cells, (HEIGHT, WIDTH), mode="nearest")[0, 0].bool().numpy()
    pixels = np.asarray(picture).copy()
    pixels[mask] = np.round(pixels.reshape(-1, 3).mean(0)).astype(np.uint8)
    return Image.fromarray(pixels)


def main():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    channels = [x * 10 + y, 255 - x * 3 - y * 9, (x * 37 + y * 91) % 256]
    picture = Image.fromarray(np.stack(channels, -1).astype(np.uint8))
    changes = {
        "flip-horizontal": functional.horizontal_flip(picture),
        "flip-vertical": functional.vertical_flip(picture),
        "rotate 33": functional.rotate(picture, 33),
        "rotate -140": functional.rotate(picture, -140),
        "blur 1.7": v2.GaussianBlur(kernel_size=13, sigma=(1.7, 1.7))(picture),
        "crop": functional.crop(picture, 3, 5, 9, 14),
        "brightness 0.4": functional.adjust_brightness(picture, 0.4),
        "brightness 1.6": functional.adjust_brightness(picture, 1.6),
        "contrast 0.4": functional.adjust_contrast(picture, 0.4),
        "contrast 1.6": functional.adjust_contrast(picture, 1.6),
        "saturation 0.4": functional.adjust_saturation(picture, 0.4),
        "saturation 1.6": functional.adjust_saturation(picture, 1.6),
        "hue 0.3": functional.adjust_hue(picture, 0.3),
        "hue -0.45": functional.adjust_hue(picture, -0.45),
        "jitter": jittered(picture),
        "soft blur 0.9": functional.gaussian_blur(picture, [7, 7], [0.9, 0.9]),
        "soft blur 2.6": functional.gaussian_blur(picture, [17, 17], [2.6, 2.6]),
        "60 cells": masked(picture, 60),
        "black": functional.adjust_brightness(picture, 0),
    }
    text = lambda image: base64.b64encode(np.asarray(image).tobytes()).decode()  # noqa: E731
    golden = {
        "width": WIDTH,
        "height": HEIGHT,
        "picture": text(picture),
        "changes": {name: text(image) for name, image in changes.items()},
    }
    target = Path(__file__).parents[1] / "golden/pictures.json"
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
