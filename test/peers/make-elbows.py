"""Elbows of convex falling curves as the package kneed finds them: test/golden/elbow.json.

    python test/peers/make-elbows.py

kneed 0.9.0, S = 1, curve "convex", direction "decreasing", online False; x = 0, 1, 2, ...
Needs the packages kneed and numpy.
"""

import json
from pathlib import Path

import kneed
import numpy as np

S = 1.0


def curves():
    """Convex falling curves: sums of exponentials, and powers, as sorted probabilities are."""
    random = np.random.default_rng(20261126)
    for case in range(60):
        n = int(random.integers(5, 41))
        x = np.arange(n)
        if case % 3 == 0:
            y = np.exp(-x * random.uniform(0.01, 3))
        elif case % 3 == 1:
            y = (x + random.uniform(0.2, 20)) ** -random.uniform(0.5, 3)
        else:
            rates = random.uniform(0.01, 2, 3)
            y = sum(random.uniform(0.1, 1) * np.exp(-x * rate) for rate in rates)
        yield y / y.sum()


def main():
    cases = []
    for y in curves():
        found = kneed.KneeLocator(
            np.arange(len(y)), y, S=S, curve="convex", direction="decreasing"
        )
        # Kneedle calls a curve that is nearly straight one without a knee.
        if found.knee is None:
            continue
        cases.append({"values": [float(f"{value:.9g}") for value in y], "elbow": int(found.knee)})
    golden = {
        "source": f"kneed {kneed.__version__}, S={S}, convex, decreasing, online=False",
        "cases": cases,
    }
    target = Path(__file__).parents[1] / "golden" / "elbow.json"
    target.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
