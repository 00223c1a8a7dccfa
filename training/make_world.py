"""Write world.json: the one definition of the pocket world, read by Python (training) and TypeScript.

    python make_world.py COCO_OBJECTS_JSON

COCO_OBJECTS_JSON maps COCO image ids to the list of object nouns seen in them. Only two statistics are taken from
it: how many images hold a class (`frequency`) and how many hold a pair (`cooccurrence`). Everything else is declared
in the table below: the sprite, the usual colour, and what the base LLM may know of the class.
"""

import json
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

COLOURS = {
    "red": [212, 36, 36],
    "orange": [242, 132, 18],
    "yellow": [246, 214, 44],
    "green": [56, 164, 62],
    "blue": [44, 104, 222],
    "purple": [132, 60, 190],
    "pink": [246, 132, 190],
    "brown": [126, 78, 44],
    "grey": [140, 140, 146],
}

# name | sprite | plural | kind | use | place | usual colour (empty: keeps its natural colours)
CLASSES = """
person|1f9cd|people|person|talk to it|in a city|
bicycle|1f6b2|bicycles|vehicle|ride it|on a street|blue
car|1f697|cars|vehicle|drive it|on a street|red
motorcycle|1f3cd-fe0f|motorcycles|vehicle|ride it|on a street|red
airplane|2708-fe0f|airplanes|vehicle|fly in it|in the sky|
bus|1f68c|buses|vehicle|travel in it|on a street|yellow
train|1f682|trains|vehicle|travel in it|at a station|
truck|1f69a|trucks|vehicle|drive it|on a street|orange
boat|26f5|boats|vehicle|sail it|on the water|purple
traffic light|1f6a6|traffic lights|sign|wait at it|on a street|
stop sign|1f6d1|stop signs|sign|wait at it|on a street|red
bird|1f426|birds|animal|watch it|in the sky|blue
cat|1f408|cats|animal|pet it|in a house|
dog|1f415|dogs|animal|pet it|in a house|
horse|1f40e|horses|animal|ride it|on a farm|brown
sheep|1f411|sheep|animal|watch it|on a farm|
cow|1f404|cows|animal|watch it|on a farm|
elephant|1f418|elephants|animal|watch it|in the wild|grey
bear|1f43b|bears|animal|watch it|in the wild|brown
zebra|1f993|zebras|animal|watch it|in the wild|
giraffe|1f992|giraffes|animal|watch it|in the wild|
backpack|1f392|backpacks|bag|carry it|at a school|red
umbrella|2602-fe0f|umbrellas|thing|carry it|on a street|purple
handbag|1f45c|handbags|bag|carry it|in a city|brown
tie|1f454|ties|clothing|wear it|in an office|
suitcase|1f9f3|suitcases|bag|carry it|at a station|blue
frisbee|1f94f|frisbees|toy|throw it|in a park|blue
skis|1f3bf|skis|toy|ride it|in the snow|
sports ball|26bd|sports balls|toy|throw it|in a park|
kite|1fa81|kites|toy|fly it|in a park|
skateboard|1f6f9|skateboards|toy|ride it|on a street|
tennis racket|1f3be|tennis rackets|toy|play with it|in a park|
bottle|1f37e|bottles|container|drink from it|in a kitchen|green
wine glass|1f377|wine glasses|container|drink from it|in a kitchen|
cup|2615|cups|container|drink from it|in a kitchen|
knife|1f52a|knives|tool|cut with it|in a kitchen|
spoon|1f944|spoons|tool|eat with it|in a kitchen|
bowl|1f963|bowls|container|eat from it|in a kitchen|blue
banana|1f34c|bananas|food|eat it|in a kitchen|yellow
apple|1f34e|apples|food|eat it|in a kitchen|red
sandwich|1f96a|sandwiches|food|eat it|in a kitchen|
orange|1f34a|oranges|food|eat it|in a kitchen|orange
broccoli|1f966|broccoli|food|eat it|in a kitchen|green
carrot|1f955|carrots|food|eat it|in a kitchen|orange
hot dog|1f32d|hot dogs|food|eat it|in a kitchen|
pizza|1f355|pizzas|food|eat it|in a kitchen|
donut|1f369|donuts|food|eat it|in a kitchen|pink
cake|1f370|cakes|food|eat it|in a kitchen|
chair|1fa91|chairs|furniture|sit on it|in a house|brown
couch|1f6cb-fe0f|couches|furniture|sit on it|in a house|green
potted plant|1fab4|potted plants|plant|water it|in a house|green
bed|1f6cf-fe0f|beds|furniture|sleep in it|in a house|
toilet|1f6bd|toilets|furniture|sit on it|in a bathroom|
tv|1f4fa|tvs|device|watch it|in a house|
laptop|1f4bb|laptops|device|type on it|in an office|
mouse|1f5b1-fe0f|mice|device|click with it|in an office|
keyboard|2328-fe0f|keyboards|device|type on it|in an office|
cell phone|1f4f1|cell phones|device|call with it|in an office|
book|1f4d5|books|thing|read it|at a school|red
clock|23f0|clocks|device|read it|in a house|yellow
vase|1f3fa|vases|container|fill it|in a house|orange
scissors|2702-fe0f|scissors|tool|cut with it|in an office|pink
teddy bear|1f9f8|teddy bears|toy|play with it|in a house|brown
toothbrush|1faa5|toothbrushes|tool|clean with it|in a bathroom|pink
"""

ALIVE = {"person", "animal", "plant"}


def parse_classes() -> list[dict]:
    classes = []
    for line in CLASSES.strip().splitlines():
        name, sprite, plural, kind, use, place, usual = line.split("|")
        classes.append(
            {
                "name": name,
                "article": "an" if name[0] in "aeiou" else "a",
                "plural": plural,
                "sprite": sprite,
                "kind": kind,
                "alive": kind in ALIVE,
                "use": use,
                "place": place,
                "usualColour": usual or None,
            }
        )
    return classes


def count(objects_by_image: dict[str, list[str]], names: list[str]) -> tuple[list[int], list[list[int]]]:
    """Images per class, and images per pair (symmetric, zero diagonal)."""
    single, pair = Counter(), Counter()
    known = set(names)
    for nouns in objects_by_image.values():
        present = sorted(known.intersection(nouns))
        single.update(present)
        pair.update(combinations(present, 2))
    frequency = [single[n] for n in names]
    cooccurrence = [[pair[min(a, b), max(a, b)] for b in names] for a in names]
    return frequency, cooccurrence


def main() -> None:
    classes = parse_classes()
    names = [c["name"] for c in classes]
    frequency, cooccurrence = count(json.loads(Path(sys.argv[1]).read_text()), names)
    world = {
        "what": "The pocket world. Sprites: Noto emoji (ids, styles.train) and Twemoji (styles.outOfDistribution). "
        "Statistics: COCO 2014 object nouns, 123,287 images.",
        "imageSize": 96,
        "grid": 3,
        "styles": {"train": "emoji-datasource-google@16.0.0", "outOfDistribution": "emoji-datasource-twitter@16.0.0"},
        "usualColourShare": 0.95,
        "objectCountWeights": [0.08, 0.2, 0.28, 0.24, 0.13, 0.07],
        "repeatShare": 0.22,
        "colours": COLOURS,
        "numbers": ["zero", "one", "two", "three", "four", "five", "six"],
        "relations": ["to the left of", "to the right of", "above", "below", "next to"],
        "classes": classes,
        "frequency": frequency,
        "cooccurrence": cooccurrence,
    }
    text = json.dumps(world, indent=1)
    # One matrix row a line keeps the file readable and its diffs small.
    compact = json.dumps(cooccurrence, separators=(",", ":")).replace("],[", "],\n  [")
    text = text.replace(json.dumps(cooccurrence, indent=1).replace("\n", "\n "), compact)
    Path(__file__).with_name("world.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
