import type { SeriesAnswers } from "../controls/control-series.js";
import type { Decoding, Finding } from "./run-analysis.js";

/**
 * A method that does nothing under a way of decoding: at no position would it have chosen otherwise than the model
 * itself; or, where that was not looked at, every answer is that of `regular`.
 *
 * @param own the method's series under that way of decoding
 * @param regular those of `regular`
 * @returns null for a method that does something, and where nobody can tell
 */
export function inactiveFinding(
  method: string,
  decoding: Decoding,
  own: readonly SeriesAnswers[],
  regular: readonly SeriesAnswers[],
): Finding | null {
  const reason = unchangedPositions(decoding, own) ?? sameAnswers(own, regular);
  if (reason === null) return null;
  const text = `${method} is inactive under ${decoding} decoding: ${reason}`;
  return { method, decoding, kind: "inactive", text, comparisons: [] };
}

function unchangedPositions(decoding: Decoding, own: readonly SeriesAnswers[]): string | null {
  const changed = own.flatMap(({ stored = [] }) => stored.map((one) => one.changed));
  if (changed.length === 0 || changed.some((positions) => positions !== 0)) return null;
  const what = decoding === "greedy" ? "which token is best" : "a score";
  return `it changed ${what} at no position of ${changed.length} answers`;
}

function sameAnswers(
  own: readonly SeriesAnswers[],
  regular: readonly SeriesAnswers[],
): string | null {
  if (own.some(({ stored = [] }) => stored.some(({ changed = 0 }) => changed > 0))) return null;
  const pairs = own.flatMap(({ seed, answered }) => {
    const other = regular.find((one) => one.seed === seed);
    const texts = new Map(other?.answered.map(({ question, answer }) => [question.id, answer]));
    return answered.map(({ question, answer }) => answer === texts.get(question.id));
  });
  if (pairs.length === 0 || pairs.includes(false)) return null;
  return `all ${pairs.length} answers are those of regular, word for word`;
}
