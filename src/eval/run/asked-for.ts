import { type Series, seriesOf } from "../store/series.js";
import type { AnswerKey } from "../store/stored-rows.js";
import type { RunSet } from "./plan-run.js";

/** The answers of a run: every question of every set in every series that its benchmark is asked in. */
export function askedFor(
  sets: readonly RunSet[],
  series: readonly Series[],
): (key: AnswerKey) => boolean {
  const asked = new Map(
    sets.map(({ name, benchmark, questions }) => [
      name,
      { ids: new Set(questions.map(({ id }) => id)), series: seriesOf(benchmark, series) },
    ]),
  );
  return ({ set, id, method, seed, draw }) =>
    asked.get(set)?.ids.has(id) === true &&
    asked
      .get(set)!
      .series.some((one) => one.method === method && one.seed === seed && one.draw === draw);
}
