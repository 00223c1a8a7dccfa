import { InvalidArgumentError } from "../../errors.js";
import type { BenchmarkKind, Counts, Score } from "../contract/benchmark.js";
import { shownValue } from "../data/shown-value.js";
import { cellOf } from "../rules/yes-no.js";
import type { CountedName, Reading } from "./declaration.js";

/** Every {@link CountedName}: a rule may count anything else. */
export const COUNTED: readonly CountedName[] = [
  "answers",
  "asked",
  "correct",
  "parsed",
  "unparsed",
  "unjudged",
  "positives",
  "negatives",
  "tp",
  "fp",
  "tn",
  "fn",
];

/** The score of an answer without a verdict that its rule needs. */
export const NO_VERDICT: Score = {
  outcome: "unparsed",
  extracted: null,
  explanation: "no verdict: not judged, or the judge failed",
  counts: { answers: 1, unparsed: 1, unjudged: 1 },
};

/** What a reading is scored by. */
export interface ReadingContext {
  /** Rule and benchmark, for messages. */
  readonly rule: string;
  readonly kind: BenchmarkKind;
  readonly truth: string;
  /** Whether it is a judge's verdict that was read. */
  readonly judged: boolean;
  /** Names that a rule may count, besides those of all answers; null where any may be. */
  readonly countable: ReadonlySet<string> | null;
}

/**
 * The score of what a rule has read.
 *
 * @throws InvalidArgumentError when it is no reading, or counts what no metric uses
 */
export function scoreReading(value: unknown, context: ReadingContext): Score {
  const { extracted, right: declared, explanation, counts } = readingOf(value, context);
  const { truth, judged, kind } = context;
  const said = extracted?.trim().toLowerCase();
  const side = judged ? null : sideOf(said);
  const legible = kind === "yes-no" && !judged ? side !== null : extracted !== null;
  const unparsed = declared === undefined && !legible;
  const right =
    declared === undefined ? !unparsed && said === truth.trim().toLowerCase() : declared;
  return {
    outcome: unparsed ? "unparsed" : right === null ? null : right ? "right" : "wrong",
    extracted,
    explanation: explanation ?? (unparsed ? "nothing was read in it" : `read as ${extracted}`),
    counts: {
      ...counts,
      answers: 1,
      [unparsed ? "unparsed" : "parsed"]: 1,
      ...(right === null || (unparsed && judged) ? {} : { asked: 1, correct: right ? 1 : 0 }),
      ...(kind === "yes-no" ? cellsOf(side, unparsed ? null : right, truth) : {}),
    },
  };
}

function sideOf(said: string | undefined): "yes" | "no" | null {
  return said === "yes" || said === "no" ? said : null;
}

/** Where an answer was judged, or only said to be right or wrong, what it says follows. */
function cellsOf(read: "yes" | "no" | null, right: boolean | null, truth: string): Counts {
  const label = sideOf(truth.trim().toLowerCase()) ?? "no";
  const other = label === "yes" ? "no" : "yes";
  const said = read ?? (right === null ? null : right ? label : other);
  return {
    [label === "yes" ? "positives" : "negatives"]: 1,
    ...(said === null ? {} : { [cellOf(said, label)]: 1 }),
  };
}

function readingOf(value: unknown, { rule, countable }: ReadingContext): Reading {
  if (value === null || typeof value === "string") return { extracted: value };
  const reading = (typeof value === "object" ? value : {}) as Partial<Reading>;
  const { extracted, right, explanation, counts = {} } = reading;
  const fault = (what: string, received: unknown, expected: string) =>
    new InvalidArgumentError(`${rule}: ${what} is ${shownValue(received)}; expected ${expected}`);
  if (extracted !== null && typeof extracted !== "string") {
    throw fault("what read gave", value, "text, null, or an object with extracted: text or null");
  }
  if (right !== undefined && right !== null && typeof right !== "boolean") {
    throw fault("right", right, "true, false or null");
  }
  if (explanation !== undefined && typeof explanation !== "string") {
    throw fault("explanation", explanation, "text");
  }
  for (const [name, number] of Object.entries(counts)) {
    if (!Number.isFinite(number)) throw fault(`counts.${name}`, number, "a finite number");
    if ((COUNTED as readonly string[]).includes(name)) {
      throw new InvalidArgumentError(
        `${rule}: counts.${name} is counted already; give the count another name`,
      );
    }
    if (countable !== null && !countable.has(name)) {
      const used = [...countable].join(", ") || "none";
      throw new InvalidArgumentError(
        `${rule}: counts.${name} is used by no metric; metrics use of a rule's counts: ${used}`,
      );
    }
  }
  return { ...reading, extracted, counts };
}
