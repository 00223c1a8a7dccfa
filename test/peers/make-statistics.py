"""Statistics of diagnosis as NumPy, SciPy and scikit-learn compute them, for test/diagnose/statistics/.

    python test/peers/make-statistics.py [--out test/golden/statistics.json]

Needs numpy, scipy and scikit-learn.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors


def rank_cases(random: np.random.Generator) -> list[dict]:
    """Scores with labels: continuous, of few values (ties), and hardly any positive."""
    cases = []
    for count, values, share in ((60, None, 0.3), (80, 5, 0.5), (40, 3, 0.1)):
        labels = random.random(count) < share
        labels[:2] = [True, False]
        scores = random.normal(size=count) + labels
        scores = scores if values is None else np.round(scores * values / 4)
        test = mannwhitneyu(scores[labels], scores[~labels], method="asymptotic")
        cases.append(
            {
                "scores": scores.tolist(),
                "labels": labels.tolist(),
                "auroc": roc_auc_score(labels, scores),
                "u": float(test.statistic),
                "p": float(test.pvalue),
            }
        )
    return cases


def calibration_case(random: np.random.Generator) -> dict:
    """Predicted probabilities, also at the bins' bounds, and what came of them."""
    predicted = np.concatenate([random.random(195), [0.0, 0.1, 0.5, 0.9, 1.0]])
    came = random.random(200) < predicted**1.5
    bounds = np.linspace(0, 1, 11)
    # (low, high], and 0 in the first.
    bins = np.clip(np.searchsorted(bounds, predicted, side="left") - 1, 0, 9)
    rows = [
        [int((bins == b).sum()), float(predicted[bins == b].mean()), float(came[bins == b].mean())]
        for b in range(10)
    ]
    error = sum(n / 200 * abs(observed - mean) for n, mean, observed in rows)
    return {"predicted": predicted.tolist(), "came": came.tolist(), "bins": rows, "error": error}


def similarity_case(random: np.random.Generator) -> dict:
    """Two representations of the same things, of two widths, and what is between them."""
    x = random.normal(size=(24, 6))
    y = np.concatenate([x[:, :3] @ random.normal(size=(3, 5)), random.normal(size=(24, 2))], axis=1) + 0.3

    def cka(a: np.ndarray, b: np.ndarray) -> float:
        a, b = a - a.mean(0), b - b.mean(0)
        product = np.linalg.norm(b.T @ a) ** 2
        return float(product / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)))

    def neighbours(a: np.ndarray, k: int) -> np.ndarray:
        index = NearestNeighbors(n_neighbors=k + 1, metric="cosine", algorithm="brute").fit(a)
        return index.kneighbors(a, return_distance=False)[:, 1:]

    def shared(k: int) -> float:
        pairs = zip(neighbours(x, k), neighbours(y, k))
        return float(np.mean([len(set(a) & set(b)) / k for a, b in pairs]))

    z = y[:, :6]
    unit = [a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, z)]
    cosines = unit[0] @ unit[1].T
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "cka": cka(x, y),
        "knn": {str(k): shared(k) for k in (1, 5, 23)},
        "matched": float(np.diag(cosines).mean()),
        "unmatched": float(cosines[~np.eye(24, dtype=bool)].mean()),
        "gap": float(np.linalg.norm(unit[0].mean(0) - unit[1].mean(0))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=Path(__file__).parent.parent / "golden" / "statistics.json")
    out = Path(parser.parse_args().out)
    random = np.random.default_rng(13)
    golden = {
        "ranks": rank_cases(random),
        "calibration": calibration_case(random),
        "similarity": similarity_case(random),
    }
    out.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
