"""Logistic regressions as scikit-learn fits them: test/golden/logistic.json.

    python test/peers/make-logistic.py

Needs the packages scikit-learn and numpy.
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression


def cases():
    """Random rows whose classes overlap, few of a class, columns that say the same, and classes that can be separated."""
    random = np.random.default_rng(20261126)
    for n, d, l2, shift in ((12, 1, 1.0, 0.0), (60, 4, 1.0, 2.5), (40, 3, 0.1, 0.0), (30, 2, 2.0, 0.0)):
        rows = np.round(random.normal(size=(n, d)), 3)
        if n == 40:
            rows[:, 2] = rows[:, 1]
        if n == 30:
            labels = rows[:, 0] > 0
        else:
            chance = 1 / (1 + np.exp(-(rows @ random.normal(size=d) + shift)))
            labels = random.random(n) < chance
        labels[:2] = [True, False]
        yield rows, labels, l2


def main():
    found = []
    for rows, labels, l2 in cases():
        model = LogisticRegression(C=1 / l2, tol=1e-12, max_iter=10000).fit(rows, labels)
        found.append(
            {
                "rows": rows.tolist(),
                "labels": [bool(label) for label in labels],
                "l2": l2,
                "bias": float(f"{model.intercept_[0]:.9g}"),
                "weights": [float(f"{weight:.9g}") for weight in model.coef_[0]],
            }
        )
    golden = {
        "source": f"scikit-learn {sklearn.__version__}, LogisticRegression, lbfgs, tol 1e-12",
        "cases": found,
    }
    target = Path(__file__).parents[1] / "golden" / "logistic.json"
    target.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
