import { groupBy } from "../../math/group-by.js";
import type { Benchmark, Cell, Counts, Metric } from "../contract/benchmark.js";
import { isDecodedControl } from "../controls/decoded-controls.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { addCounts } from "../metrics/add-counts.js";
import { ratioMetric } from "../metrics/ratio-metric.js";
import { cellOfScore } from "../scoring/behaviour-counts.js";
import {
  comparePair,
  corrected,
  type MethodResults,
  type SingleComparison,
} from "../statistics/compare-methods.js";
import type { Shift, Transition } from "./run-analysis.js";
import type { ScoredMethod } from "./scored-method.js";

const REFERENCE = "regular";

/** What changes from one answer to the other, as shares of all pairs. */
const SHIFTS: readonly Metric[] = [shareOf("accuracy", "right"), shareOf("yes_ratio", "yes")];

/** One question's answers by the reference and by a method. */
interface Pair {
  readonly id: string;
  readonly cluster: string;
  readonly from: Cell;
  readonly to: Cell;
}

/** A transition before correction over the methods. */
interface Uncorrected extends Omit<Transition, "right" | "yes"> {
  readonly shifts: readonly SingleComparison[];
  readonly counts: readonly Pick<Shift, "gained" | "lost">[];
}

/** The transition tables from `regular` to every other method but decoded controls, for each way of decoding. */
export function* transitionsOf(
  { kind }: Pick<Benchmark, "kind">,
  methods: readonly ScoredMethod[],
): Turns<Transition[]> {
  if (kind !== "yes-no") return [];
  const groups = [...groupBy(methods, ({ decoding }) => decoding).values()];
  const found = yield* mapInTurns(groups, function* (members) {
    const reference = members.find(({ method }) => method === REFERENCE);
    if (reference === undefined) return [];
    const others = members.filter((one) => one !== reference && !isDecodedControl(one.method));
    const transitions = yield* mapInTurns(others, (method) => transitionOf(method, reference));
    return withCorrection(transitions.flatMap((one) => one ?? []));
  });
  return found.flat();
}

function* transitionOf(method: ScoredMethod, reference: ScoredMethod): Turns<Uncorrected | null> {
  const answers = method.scores.map((_, k) => pairsOf(method, reference, k));
  const pairs = answers.flatMap((one) => one.pairs);
  if (pairs.length === 0) return null;
  const single = answers.length === 1;
  const shifts = yield* comparePair(
    resultsOf(method.method, pairs, "to", single),
    resultsOf(reference.method, pairs, "from", single),
    SHIFTS,
  );
  return {
    method: method.method,
    reference: reference.method,
    decoding: method.decoding,
    table: tableOf(pairs),
    unread: answers.reduce((sum, { unread }) => sum + unread, 0),
    shifts: shifts.flatMap((one) => one ?? []),
    counts: [isRight, isYes].map((is) => ({
      gained: pairs.filter(({ from, to }) => is(to) && !is(from)).length,
      lost: pairs.filter(({ from, to }) => is(from) && !is(to)).length,
    })),
  };
}

/** The answers of a method's k-th seed or draw, each with the reference's under the same seed (greedy: its only one). */
function pairsOf(method: ScoredMethod, reference: ScoredMethod, k: number) {
  const other =
    method.decoding === "sampling"
      ? reference.scores[reference.seeds.indexOf(method.seeds[k] ?? null)]
      : (reference.scores[k] ?? reference.scores[0]);
  const before = new Map(
    other?.scored.map(({ question, score }) => [question.id, cellOfScore(score)]),
  );
  const pairs: Pair[] = [];
  let unread = 0;
  for (const { question, score } of method.scores[k]?.scored ?? []) {
    const from = before.get(question.id);
    const to = cellOfScore(score);
    if (from === undefined) continue;
    if (from === null || to === null) unread++;
    else pairs.push({ id: question.id, cluster: question.cluster, from, to });
  }
  return { pairs, unread };
}

function tableOf(pairs: readonly Pair[]): Transition["table"] {
  const row = () => ({ tp: 0, fp: 0, tn: 0, fn: 0 });
  const table = { tp: row(), fp: row(), tn: row(), fn: row() };
  for (const { from, to } of pairs) table[from][to]++;
  return table;
}

function resultsOf(
  method: string,
  pairs: readonly Pair[],
  side: "from" | "to",
  single: boolean,
): MethodResults {
  const countsOf = (pair: Pair): Counts => ({
    asked: 1,
    right: isRight(pair[side]) ? 1 : 0,
    yes: isYes(pair[side]) ? 1 : 0,
  });
  const answers = (is: (cell: Cell) => boolean) =>
    single ? new Map(pairs.map((pair) => [pair.id, is(pair[side])])) : null;
  const byCluster = groupBy(pairs, ({ cluster }) => cluster);
  return {
    method,
    clusters: new Map(
      [...byCluster].map(([cluster, members]) => [cluster, addCounts(members.map(countsOf))]),
    ),
    right: answers(isRight),
    saidYes: answers(isYes),
  };
}

function withCorrection(found: readonly Uncorrected[]): Transition[] {
  const adjusted = SHIFTS.map((_, s) => corrected(found.flatMap(({ shifts }) => shifts[s] ?? [])));
  return found.map(({ shifts: _, counts, ...transition }, index) => {
    const shift = (s: number): Shift => {
      const { difference, interval, test, pValue, adjustedPValue, shown } = adjusted[s]![index]!;
      return { ...counts[s]!, difference, interval, test, pValue, adjustedPValue, shown };
    };
    return { ...transition, right: shift(0), yes: shift(1) };
  });
}

function isRight(cell: Cell): boolean {
  return cell === "tp" || cell === "tn";
}

function isYes(cell: Cell): boolean {
  return cell === "tp" || cell === "fp";
}

function shareOf(name: string, part: string): Metric {
  const info = { name, title: name, unit: "share", better: "neither" } as const;
  return ratioMetric({ ...info, part, whole: "asked", undefinedReason: "no pair of answers" });
}
