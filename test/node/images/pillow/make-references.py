"""Makes photograph.{png,jpg} and what Pillow makes of them.

    pip install pillow==11.3.0 numpy && python test/node/images/pillow/make-references.py

The photograph is synthetic (gradients, edges, fine stripes, text, noise), seeded. References were made with Pillow 11.3.0: up to
version 12, rows are resampled before columns; 13 goes the other way round where that is quicker, which differs in rounding.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

folder = Path(__file__).parent
FILTERS = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]  # Pillow's numbers 0 to 5


def photograph(width, height, seed):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 / width, y * 255 / height, 128 + 100 * np.sin(x * y / 900)], -1)
    picture = Image.fromarray(rgb.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        (x0, y0), size = random.integers(0, [width, height]), random.integers(10, 60)
        draw.ellipse([x0, y0, x0 + size, y0 + size], fill=tuple(random.integers(0, 256, 3)))
    for i in range(0, width // 3, 3):
        draw.line([i, 0, i + height // 4, height // 4], fill=(255, 255, 255))
    draw.text((width // 3, height // 2), "The quick brown fox", fill=(0, 0, 0))
    pixels = np.array(picture).astype(int)
    corner = pixels[height // 2 :, width // 2 :]
    corner += random.integers(-30, 31, corner.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    picture = photograph(160, 120, 0)
    picture.save(folder / "photograph.png", optimize=True)
    photograph(320, 213, 1).save(folder / "photograph.jpg", quality=85)
    for number, name in enumerate(FILTERS):
        picture.resize((61, 40), number).save(folder / f"{name}-61x40.png", optimize=True)
    for name in ["bilinear", "bicubic", "nearest"]:
        part = picture.resize((250, 301), FILTERS.index(name)).crop((100, 130, 150, 180))
        part.save(folder / f"{name}-250x301-part.png", optimize=True)
    # CLIPImageProcessor: the shorter edge becomes 64, the middle is cut out.
    jpeg = Image.open(folder / "photograph.jpg").convert("RGB")
    width = int(64 * jpeg.width / jpeg.height)
    left = (width - 64) // 2
    jpeg.resize((width, 64), 3).crop((left, 0, left + 64, 64)).save(folder / "clip-64.png", optimize=True)
