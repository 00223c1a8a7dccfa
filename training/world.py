"""The pocket world: sample scenes with planted bias, and render them.

A scene is 1-6 things on a 3x3 grid with jitter. Two samplers share everything but their statistics:
`sample_scene(rng, biased=True)` follows COCO co-occurrence and gives a recolourable class its usual colour in 95% of
scenes; `biased=False` draws classes and colours uniformly (the vision tower is trained on that, so that colour never
becomes identity).
"""

import json
import random
import tarfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
WORLD = json.loads((HERE / "world.json").read_text())
CLASSES: list[dict] = WORLD["classes"]
NAMES: list[str] = [c["name"] for c in CLASSES]
INDEX: dict[str, int] = {name: i for i, name in enumerate(NAMES)}
COLOURS: list[str] = list(WORLD["colours"])
SIZE: int = WORLD["imageSize"]
CELL: float = SIZE / WORLD["grid"]
FREQUENCY = np.array(WORLD["frequency"], dtype=np.float64)
# How strongly row calls for column: P(image holds column | image holds row) from COCO, tempered by the column's own
# frequency so that "person", in half of all COCO images, is not everybody's partner.
PARTNER = np.array(WORLD["cooccurrence"], dtype=np.float64) / FREQUENCY[:, None]
PARTNER *= np.minimum(1.3, (FREQUENCY / np.median(FREQUENCY)) ** -0.3)[None, :]


@dataclass(frozen=True)
class Thing:
    """One object: centre (x, y) and size in pixels, opacity in (0, 1]; colour None keeps the sprite's own colours."""

    name: str
    colour: str | None
    x: float
    y: float
    size: int
    opacity: float
    flipped: bool

    @property
    def info(self) -> dict:
        return CLASSES[INDEX[self.name]]

    @property
    def usual(self) -> bool:
        return self.colour == self.info["usualColour"]


@dataclass(frozen=True)
class Scene:
    things: tuple[Thing, ...]
    background: dict = field(hash=False, compare=False)

    @property
    def nouns(self) -> list[str]:
        """Distinct classes in order of first appearance."""
        return list(dict.fromkeys(t.name for t in self.things))

    def of(self, name: str) -> list[Thing]:
        return [t for t in self.things if t.name == name]


# ---------------------------------------------------------------- sampling


def partner_weights(present: list[str]) -> np.ndarray:
    """How likely each class joins those present: geometric mean of PARTNER rows; 0 for the present. Shape (64,)."""
    rows = PARTNER[[INDEX[n] for n in present]]
    weights = np.exp(np.log(rows + 1e-4).mean(axis=0))
    weights[[INDEX[n] for n in present]] = 0
    return weights


def absent_partners(present: list[str]) -> list[tuple[str, float]]:
    """Absent classes by how strongly the present ones call for them (max over the present of PARTNER)."""
    strength = PARTNER[[INDEX[n] for n in present]].max(axis=0)
    strength[[INDEX[n] for n in present]] = -1
    return [(NAMES[i], float(strength[i])) for i in np.argsort(-strength) if strength[i] >= 0]


def sample_nouns(rng: random.Random, count: int, biased: bool) -> list[str]:
    if not biased:
        return rng.sample(NAMES, count)
    nouns = rng.choices(NAMES, weights=list(FREQUENCY**0.35))
    while len(nouns) < count:
        weights = partner_weights(nouns) ** 1.2
        nouns += rng.choices(NAMES, weights=list(weights))
    return nouns


def sample_colour(rng: random.Random, name: str, usual_share: float | None) -> str | None:
    """usual_share None: uniform over all colours."""
    usual = CLASSES[INDEX[name]]["usualColour"]
    if usual is None:
        return None
    if usual_share is None:
        return rng.choice(COLOURS)
    return usual if rng.random() < usual_share else rng.choice([c for c in COLOURS if c != usual])


def sample_scene(
    rng: random.Random,
    biased: bool = True,
    usual_share: float | None = WORLD["usualColourShare"],
    nouns: list[str] | None = None,
    min_nouns: int = 1,
) -> Scene:
    """Draw a scene. With biased=False colours are uniform whatever usual_share says."""
    if nouns is None:
        count = rng.choices(range(1, 7), weights=WORLD["objectCountWeights"])[0]
        nouns = sample_nouns(rng, max(count, min_nouns), biased)
    share = usual_share if biased else None
    plan = [(name, sample_colour(rng, name, share)) for name in nouns]
    if rng.random() < WORLD["repeatShare"] and len(plan) < 6:  # counts: one class stands there up to four times
        plan += [rng.choice(plan)] * rng.randint(1, min(3, 6 - len(plan)))
    rng.shuffle(plan)
    cells = rng.sample(range(9), len(plan))
    things = tuple(_place(rng, name, colour, cell) for (name, colour), cell in zip(plan, cells))
    return Scene(things, _sample_background(rng))


def _place(rng: random.Random, name: str, colour: str | None, cell: int) -> Thing:
    jitter = CELL * 0.16
    return Thing(
        name=name,
        colour=colour,
        x=(cell % 3 + 0.5) * CELL + rng.uniform(-jitter, jitter),
        y=(cell // 3 + 0.5) * CELL + rng.uniform(-jitter, jitter),
        size=rng.choice((20, 22, 24, 26, 28, 30, 32)),
        opacity=rng.choice((1.0, 1.0, 1.0, 0.85, 0.7, 0.55)),
        flipped=rng.random() < 0.5,
    )


def _sample_background(rng: random.Random) -> dict:
    def pale() -> list[int]:
        base = rng.choice((235, 215, 190, 120, 70))
        return [max(0, min(255, base + rng.randint(-18, 18))) for _ in range(3)]

    return {"kind": rng.choice(("plain", "gradient", "floor", "stripes", "tiles")), "a": pale(), "b": pale()}


# ---------------------------------------------------------------- geometry


GAP = CELL * 0.5


def relation(a: Thing, b: Thing) -> list[str]:
    """Relations of a to b that hold clearly. y grows downwards."""
    held = []
    if a.x < b.x - GAP:
        held.append("to the left of")
    if a.x > b.x + GAP:
        held.append("to the right of")
    if a.y < b.y - GAP:
        held.append("above")
    if a.y > b.y + GAP:
        held.append("below")
    if next_to(a, b):
        held.append("next to")
    return held


def next_to(a: Thing, b: Thing) -> bool:
    return max(abs(a.x - b.x), abs(a.y - b.y)) < CELL * 1.4


def place(thing: Thing) -> str:
    """Where in the picture: 'top left', 'middle', 'right', ..."""
    column = ("left", "", "right")[min(2, int(thing.x // CELL))]
    row = ("top", "", "bottom")[min(2, int(thing.y // CELL))]
    return " ".join(part for part in (row, column) if part) or "middle"


# ---------------------------------------------------------------- rendering


@lru_cache(maxsize=None)
def _sprite(style: str, name: str) -> Image.Image:
    """The 64 px RGBA sprite, cropped to its visible box and squared."""
    image = Image.open(_sprite_folder(style) / f"{CLASSES[INDEX[name]]['sprite']}.png").convert("RGBA")
    image = image.crop(image.getchannel("A").getbbox())
    side = max(image.size)
    square = Image.new("RGBA", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def _sprite_folder(style: str) -> Path:
    """Sprites come from the pinned npm packages; `npm pack` fetches one once into training/.sprites."""
    folder = HERE / ".sprites" / style
    if not folder.exists():
        _fetch_sprites(style, folder)
    return folder


def _fetch_sprites(style: str, folder: Path) -> None:
    import subprocess

    package = WORLD["styles"][style]
    folder.parent.mkdir(exist_ok=True)
    packed = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=folder.parent, check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    archive = folder.parent / packed
    wanted = {f"{c['sprite']}.png" for c in CLASSES}
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name)
            if path.name in wanted and path.parent.name == "64":
                (folder / path.name).write_bytes(tar.extractfile(member).read())
    archive.unlink()


def _tint(rgb: np.ndarray, alpha: np.ndarray, colour: str) -> np.ndarray:
    """Keep light and shade, replace the colour. rgb (h, w, 3), alpha (h, w), both in 0..1."""
    light = rgb @ np.array([0.299, 0.587, 0.114])
    middle = np.median(light[alpha > 0.5])
    light = np.clip(0.5 + (light - middle) * 0.8, 0.0, 1.0)[..., None]
    base = np.array(WORLD["colours"][colour]) / 255
    dark = base * np.minimum(light / 0.5, 1)
    return dark + (1 - base) * np.maximum(light - 0.5, 0) * 1.1


@lru_cache(maxsize=None)
def _stamp(style: str, name: str, colour: str | None, size: int, flipped: bool) -> tuple[np.ndarray, np.ndarray]:
    """(rgb in 0..255 as float32 (s, s, 3), alpha in 0..1 (s, s, 1))."""
    image = _sprite(style, name).resize((size, size), Image.Resampling.LANCZOS)
    pixels = np.asarray(image, dtype=np.float32) / 255
    rgb, alpha = pixels[..., :3], pixels[..., 3]
    if colour is not None:
        rgb = np.clip(_tint(rgb, alpha, colour), 0, 1).astype(np.float32)
    if flipped:
        rgb, alpha = rgb[:, ::-1], alpha[:, ::-1]
    return rgb * 255, alpha[..., None]


_RAMP = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None, None]
_GRID = np.add.outer(np.arange(SIZE) // 16, np.arange(SIZE) // 16) % 2


def _paint_background(background: dict) -> np.ndarray:
    a = np.array(background["a"], dtype=np.float32)
    b = np.array(background["b"], dtype=np.float32)
    soft = a + (b - a) * 0.25
    canvas = np.empty((SIZE, SIZE, 3), dtype=np.float32)
    kind = background["kind"]
    if kind == "plain":
        canvas[:] = a
    elif kind == "gradient":
        canvas[:] = a + (b - a) * _RAMP * 0.5
    elif kind == "floor":
        canvas[: SIZE * 2 // 3], canvas[SIZE * 2 // 3 :] = a, soft
    elif kind == "stripes":
        canvas[:] = np.where((np.arange(SIZE) // 12 % 2)[None, :, None] == 0, a, soft)
    else:
        canvas[:] = np.where(_GRID[..., None] == 0, a, soft)
    return canvas


def render(scene: Scene, style: str = "train") -> np.ndarray:
    """The scene as uint8 RGB (96, 96, 3)."""
    canvas = _paint_background(scene.background)
    for thing in scene.things:
        rgb, alpha = _stamp(style, thing.name, thing.colour, thing.size, thing.flipped)
        _blend(canvas, rgb, alpha * thing.opacity, round(thing.x - thing.size / 2), round(thing.y - thing.size / 2))
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8)


def _blend(canvas: np.ndarray, rgb: np.ndarray, alpha: np.ndarray, left: int, top: int) -> None:
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + rgb.shape[1], SIZE), min(top + rgb.shape[0], SIZE)
    patch = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    window = canvas[y0:y1, x0:x1]
    window += (rgb[patch] - window) * alpha[patch]
