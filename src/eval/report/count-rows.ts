import { groupBy } from "../../math/group-by.js";
import type { Counts } from "../contract/benchmark.js";
import { sha256 } from "../data/sha-256.js";
import { writeFileAtomically } from "../store/atomic-file.js";
import type { AnsweredSet } from "./page-answers.js";
import type { Decoding } from "./run-analysis.js";
import { averaged, type ScoredMethod } from "./scored-method.js";

/** What a method's answers about one cluster (image) come to: what two runs are compared by. */
export interface CountRow {
  readonly set: string;
  readonly method: string;
  readonly decoding: Decoding;
  readonly cluster: string;
  /** Beginning of the SHA-256 of the ids of its questions: where two runs have the same, they asked the same. */
  readonly questions: string;
  /** Counts of the benchmark, of one answer to each question: the mean over seeds or draws. */
  readonly counts: Counts;
  /** Counts of what the answers are like, likewise. */
  readonly behaviour: Counts;
}

const DIGEST_LENGTH = 12;

/** Writes the counts of a finished run, one row a line. */
export async function writeCounts(path: string, sets: readonly AnsweredSet[]): Promise<void> {
  // In bytes: all rows of a large run together may be longer than a string can be.
  const rows = sets.flatMap(({ set, methods }) =>
    methods.flatMap((method) =>
      countRows(set.name, method).map((row) => Buffer.from(`${JSON.stringify(row)}\n`)),
    ),
  );
  await writeFileAtomically(path, Buffer.concat(rows));
}

function countRows(
  set: string,
  { method, decoding, scores, behaviours }: ScoredMethod,
): CountRow[] {
  const asked = groupBy(scores[0]?.scored ?? [], ({ question }) => question.cluster);
  const behaviour = averaged(behaviours);
  return [...averaged(scores.map(({ clusters }) => clusters))].map(([cluster, counts]) => ({
    set,
    method,
    decoding,
    cluster,
    questions: digest((asked.get(cluster) ?? []).map(({ question }) => question.id)),
    counts,
    behaviour: behaviour.get(cluster) ?? {},
  }));
}

function digest(ids: readonly string[]): string {
  return sha256(JSON.stringify([...ids].sort())).slice(0, DIGEST_LENGTH);
}
