import { groupBy } from "../../math/group-by.js";
import type { Benchmark, Counts } from "../contract/benchmark.js";
import { isDecodedControl } from "../controls/decoded-controls.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { CUT_LENGTHS, countsOfCut, cutName } from "../metrics/cut-metrics.js";
import { corrected } from "../statistics/compare-methods.js";
import {
  type TradeOff,
  type TradeOffDifference,
  tradeOffDifference,
} from "../statistics/trade-off.js";
import { againstReferences } from "./against-references.js";
import type {
  Coordinate,
  Figure,
  Frontier,
  FrontierComparison,
  FrontierPoint,
} from "./run-analysis.js";
import {
  averaged,
  type FiguresByMethod,
  infoOf,
  type NamedFigures,
  resultsOf,
  type ScoredMethod,
} from "./scored-method.js";
import { frontierVerdict } from "./verdict.js";

/** The method whose captions, cut to their first words, are the trivial baselines. */
const BASELINE = "regular";

/** What each method's captions find and invent, beside `regular` with its captions cut shorter. */
export function* frontierOf(
  benchmark: Benchmark,
  methods: readonly ScoredMethod[],
  figures: FiguresByMethod,
): Turns<Frontier | null> {
  const tradeOff = tradeOffOf(benchmark);
  if (tradeOff === null) return null;
  const { recall, hallucination } = tradeOff;
  const groups = [...groupBy(methods, ({ decoding }) => decoding).values()];
  const points = methods.flatMap((method) => {
    const own = figures.get(method)!;
    const cuts = method.method === BASELINE ? cutPointsOf(method, own, tradeOff) : [];
    return [pointOf(method, own, tradeOff), ...cuts];
  });
  const comparisons = yield* mapInTurns(groups, (members) => comparisonsOf(members, tradeOff));
  return {
    recall: infoOf(recall),
    hallucination: infoOf(hallucination),
    points,
    comparisons: comparisons.flat(),
    differences: yield* againstReferences(methods, benchmark.metrics, resultsOf),
  };
}

function tradeOffOf({ tradeOff, metrics }: Benchmark): TradeOff | null {
  const recall = metrics.find(({ name }) => name === tradeOff?.recall);
  const hallucination = metrics.find(({ name }) => name === tradeOff?.hallucination);
  return recall === undefined || hallucination === undefined ? null : { recall, hallucination };
}

function pointOf(
  { method, decoding }: ScoredMethod,
  { metrics }: NamedFigures,
  { recall, hallucination }: TradeOff,
): FrontierPoint {
  return {
    name: method,
    decoding,
    baseline: false,
    recall: coordinate(metrics[recall.name]!),
    hallucination: coordinate(metrics[hallucination.name]!),
  };
}

function cutPointsOf(
  { method, decoding }: ScoredMethod,
  { measures }: NamedFigures,
  { recall, hallucination }: TradeOff,
): FrontierPoint[] {
  return CUT_LENGTHS.map((words) => ({
    name: `${method}, first ${words} words`,
    decoding,
    baseline: true,
    recall: coordinate(measures[cutName(recall.name, words)]!),
    hallucination: coordinate(measures[cutName(hallucination.name, words)]!),
  }));
}

function coordinate({ value, interval }: Figure): Coordinate {
  return { value: value.value, interval };
}

/** Every method of one way of decoding but decoded controls against the baselines. */
function* comparisonsOf(
  members: readonly ScoredMethod[],
  tradeOff: TradeOff,
): Turns<FrontierComparison[]> {
  const regular = members.find(({ method }) => method === BASELINE);
  if (regular === undefined) return [];
  const found = yield* mapInTurns(members, function* (scored) {
    const { method, decoding } = scored;
    if (scored === regular || isDecodedControl(method)) return [];
    const difference = yield* differenceOf(scored, regular, tradeOff);
    return difference === null ? [] : [{ method, decoding, ...difference }];
  });
  return corrected(found.flat()).map((one) => ({
    ...one,
    verdict: frontierVerdict(one, tradeOff),
  }));
}

/** Images that only one of the two has are left out. */
function* differenceOf(
  scored: ScoredMethod,
  regular: ScoredMethod,
  tradeOff: TradeOff,
): Turns<TradeOffDifference | null> {
  const own = averaged(scored.scores.map(({ clusters }) => clusters));
  const whole = averaged(regular.scores.map(({ clusters }) => clusters));
  const cut = averaged(regular.behaviours);
  const shared = [...own.keys()].filter((key) => whole.has(key));
  const countsOf = (clusters: ReadonlyMap<string, Counts>) =>
    shared.map((key) => clusters.get(key) ?? {});
  const cuts = countsOf(cut);
  return yield* tradeOffDifference(
    countsOf(own),
    [
      ...CUT_LENGTHS.map((words) => cuts.map((counts) => countsOfCut(words, counts))),
      countsOf(whole),
    ],
    tradeOff,
  );
}
