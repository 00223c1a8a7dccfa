/** Figures of detection: AUROC of each signal and of trust, calibration, and what a threshold does. */
import type { Estimate, Findings, Plot, Series, TableRow } from "../contract/analysis.js";
import { aurocEstimate } from "../statistics/auroc-estimate.js";
import { expectedCalibrationError, reliability } from "../statistics/calibration.js";
import { clusterEstimate, mean, shareEstimate } from "../statistics/cluster-estimate.js";
import type { TrustCalibration } from "../trust/calibration.js";
import { SIGNAL_NAMES, SIGNALS, type Signals } from "../trust/signals.js";
import { estimateText } from "./estimate-text.js";

/** An object of a caption with what was made of its signals. */
export interface ScoredObject {
  readonly image: string;
  readonly isThere: boolean;
  readonly signals: Signals;
  /** Null without a calibration. */
  readonly trust: number | null;
}

/** Objects of a set's captions. */
export interface ScoredSet {
  readonly name: string;
  readonly captions: number;
  readonly objects: readonly ScoredObject[];
}

const BINS = 10;

interface Detector {
  readonly name: string;
  /** Higher where an object is not there. */
  doubt(object: ScoredObject): number | null;
}

const TRUST: Detector = {
  name: "combination",
  doubt: ({ trust }) => (trust === null ? null : -trust),
};

const DETECTORS: readonly Detector[] = [
  ...SIGNAL_NAMES.map((name) => ({
    name,
    doubt: ({ signals }: ScoredObject) => {
      const value = signals[name] ?? null;
      return value === null ? null : -SIGNALS[name].sign * value;
    },
  })),
  TRUST,
];

const imageOf = ({ image }: ScoredObject): string => image;

/** @param inSample whether the calibration was fitted on these very objects */
export function reportTrust(
  sets: readonly ScoredSet[],
  calibration: TrustCalibration | null,
  { seed, inSample }: { readonly seed: number; readonly inSample: boolean },
): Findings {
  const table: TableRow[] = [];
  const findings: string[] = [];
  const areas: Series[] = [];
  const curves: Series[] = [];
  for (const set of sets) {
    const found = DETECTORS.flatMap((detector) => {
      const area = areaOf(set.objects, detector, seed);
      return area.n === 0 ? [] : [{ name: detector.name, area }];
    });
    const invented = set.objects.filter(({ isThere }) => !isThere).length;
    for (const { name, area } of found) {
      table.push({
        set: set.name,
        signal: name,
        objects: area.n,
        invented,
        AUROC: estimateText(area, 3),
      });
    }
    areas.push({
      label: `${set.name} (${set.objects.length} objects, ${invented} invented)`,
      points: found.map(({ name, area }) => ({ x: name, ...area })),
    });
    findings.push(sentence(set, found, invented));
    if (calibration === null) continue;
    findings.push(thresholdSentence(set, calibration, { seed, inSample }));
    curves.push(curveOf(set, seed));
  }
  const n = sets.reduce((sum, { captions }) => sum + captions, 0);
  return { n, table, findings, plots: plots(areas, curves) };
}

/** AUROC of the objects that have the signal. */
function areaOf(objects: readonly ScoredObject[], { doubt }: Detector, seed: number): Estimate {
  const told = objects.filter((object) => doubt(object) !== null);
  return aurocEstimate(
    told,
    imageOf,
    (object) => doubt(object)!,
    ({ isThere }) => !isThere,
    { seed },
  );
}

function sentence(
  { name, objects }: ScoredSet,
  found: readonly { readonly name: string; readonly area: Estimate }[],
  invented: number,
): string {
  const of = (detector: string) => found.find((one) => one.name === detector)?.area;
  const [verification, combination] = [of("verification"), of(TRUST.name)];
  const best = found
    .filter((one) => one.name !== TRUST.name && one.area.value !== null)
    .sort((a, b) => b.area.value! - a.area.value!)[0];
  if (best === undefined || verification === undefined) {
    return `${name}: of ${objects.length} objects ${invented} are invented: detection is undefined.`;
  }
  const verdict = againstLiterature(verification);
  const together =
    combination === undefined ? "" : `; all together ${estimateText(combination, 3)}`;
  return `${name}: of ${objects.length} objects ${invented} are invented. Self-verification finds them with AUROC ${estimateText(verification, 3)}, ${verdict}; the best signal alone is ${best.name} with ${estimateText(best.area, 3)}${together}.`;
}

/** Self-verification's AUROC against that of the literature. */
export function againstLiterature({ low, high }: Estimate): string {
  if (low === null || high === null) return "of too few images to hold against .89 to .94";
  if (low > 0.94) return "above what the literature reports for real models (.89 to .94)";
  return high < 0.89
    ? "below what the literature reports (.89 to .94)"
    : "not apart from what the literature reports (.89 to .94)";
}

/** What the threshold keeps and catches, and how far trust is from what is observed. */
function thresholdSentence(
  { name, objects }: ScoredSet,
  { threshold, kept, data }: TrustCalibration,
  { seed, inSample }: { readonly seed: number; readonly inSample: boolean },
): string {
  const share = (isThere: boolean, isHit: (object: ScoredObject) => boolean) =>
    shareEstimate(
      objects.filter((object) => object.isThere === isThere),
      imageOf,
      isHit,
      { seed },
    );
  const keeps = share(true, ({ trust }) => trust! >= threshold);
  const catches = share(false, ({ trust }) => trust! < threshold);
  const ece = clusterEstimate(
    objects,
    imageOf,
    (sample) =>
      expectedCalibrationError(
        sample.map(({ trust }) => trust!),
        sample.map(({ isThere }) => isThere),
      ),
    { seed },
  );
  const verdict = inSample
    ? "It was fitted on these very objects."
    : keeps.low !== null && keeps.low <= kept && kept <= keeps.high!
      ? "The threshold holds."
      : `The threshold does not hold: it ${(keeps.value ?? 0) < kept ? "doubts more of what is there" : "keeps more of what is there"}.`;
  return `${name}: the threshold ${threshold.toFixed(3)}, chosen on ${data.name} to keep ${kept}% of what is there, keeps ${estimateText(keeps, 1)}% and catches ${estimateText(catches, 1)}% of what is invented (n = ${keeps.n} and ${catches.n}); expected calibration error ${errorText(ece)}. ${verdict}`;
}

/** Draws only add to an error of calibration, so that their lower end says nothing. */
function errorText({ value, high }: Estimate): string {
  const shown = value?.toFixed(3) ?? "undefined";
  return high === null ? shown : `${shown} (up to ${high.toFixed(3)})`;
}

/** Observed shares against predicted ones, in percent. */
function curveOf({ name, objects }: ScoredSet, seed: number): Series {
  const points = reliability(
    objects.map(({ trust }) => trust!),
    objects.map(({ isThere }) => isThere),
    BINS,
  ).flatMap(({ low, high, n }) => {
    if (n === 0) return [];
    const inside = objects.filter(({ trust }) => trust! <= high && (trust! > low || low === 0));
    const x = 100 * mean(inside.map(({ trust }) => trust!))!;
    return [{ x, ...shareEstimate(inside, imageOf, ({ isThere }) => isThere, { seed }) }];
  });
  return { label: `${name} (n = ${objects.length})`, points };
}

function plots(areas: readonly Series[], curves: readonly Series[]): Plot[] {
  const detection: Plot = {
    name: "trust-detection",
    title: "Invented objects told from true ones",
    mark: "dot",
    x: { label: "signal" },
    y: { label: "AUROC", domain: [0, 1] },
    series: areas,
  };
  if (curves.length === 0) return [detection];
  const exact = [0, 50, 100].map((x) => ({ x, value: x, low: null, high: null, n: 0 }));
  return [
    detection,
    {
      name: "trust-reliability",
      title: "Trust against what is there",
      mark: "line",
      x: { label: "trust, in percent", domain: [0, 100] },
      y: { label: "objects that are there, in percent", domain: [0, 100] },
      series: [...curves, { label: "exact", points: exact }],
    },
  ];
}
