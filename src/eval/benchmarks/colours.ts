import type { Benchmark } from "../contract/benchmark.js";
import { shownValue } from "../data/shown-value.js";
import type { Reading } from "../define/declaration.js";
import { defineBenchmark } from "../define/define-benchmark.js";

/** Colour words and what they count as. */
const COLOURS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    red: "red",
    orange: "orange",
    yellow: "yellow",
    green: "green",
    blue: "blue",
    purple: "purple",
    violet: "purple",
    pink: "pink",
    brown: "brown",
    grey: "grey",
    gray: "grey",
    black: "black",
    white: "white",
  }),
);

/**
 * Colours, usual and unusual: does the model see a blue banana, or say what bananas usually are? The
 * first colour word of the answer counts; an answer without one is unparsed and wrong.
 *
 * @see the language-prior analysis of VCD, arXiv 2311.16922, section 3
 */
export const colours: Benchmark = defineBenchmark({
  name: "colours",
  title: "Colours",
  source: "the language-prior analysis of VCD, arXiv 2311.16922",
  row: {
    question_id: "identifier",
    image: "text",
    text: "text",
    answer: "text",
    usual: "text?",
    is_usual: "boolean",
    object: "text?",
  },
  check: ({ answer }) =>
    colourIn(answer) === null
      ? `unknown label ${shownValue(answer)}; expected one of ${[...COLOURS.keys()].join(", ")}`
      : null,
  id: (row) => row.question_id,
  image: (row) => row.image,
  prompt: (row) => row.text,
  truth: (row) => row.answer,
  group: (row) => (row.is_usual ? "usual colour" : "unusual colour"),
  rules: { "first-colour": { read: readColour } },
  metrics: {
    accuracy: { part: "correct", whole: "asked", undefinedReason: "no question" },
    accuracy_unusual: {
      title: "Accuracy, unusual colour",
      part: "unusualCorrect",
      whole: "unusual",
      undefinedReason: "no object has an unusual colour",
    },
    accuracy_usual: {
      title: "Accuracy, usual colour",
      part: "usualCorrect",
      whole: "usual",
      undefinedReason: "no object has its usual colour",
    },
    usual_answer_rate: {
      title: "Answers the usual colour instead",
      better: "lower",
      part: "saidUsual",
      whole: "unusual",
      undefinedReason: "no object has an unusual colour",
    },
    usual_share_of_errors: {
      title: "Share of errors that are the usual colour",
      better: "neither",
      part: "saidUsual",
      whole: "unusualWrong",
      undefinedReason: "no wrong answer about an unusual colour",
    },
  },
  primary: "accuracy_unusual",
  maxNewTokens: 16,
});

/** "The orange is blue": the thing's name, which may be a colour word, is not its colour. */
function withoutObject(answer: string, object: string | undefined): string {
  if (object === undefined) return answer;
  const name = object.replaceAll(/[^\p{L}\p{N}\s-]/gu, "");
  return answer.replace(new RegExp(`\\b(the|this|an?)\\s+${name}\\b`, "iu"), "");
}

function colourIn(text: string): string | null {
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    const colour = COLOURS.get(word);
    if (colour !== undefined) return colour;
  }
  return null;
}

/** What a colour is read by. */
interface ColourRow {
  readonly answer: string;
  readonly usual: string | undefined;
  readonly is_usual: boolean;
  readonly object: string | undefined;
}

function readColour(answer: string, row: ColourRow): Reading {
  const said = colourIn(withoutObject(answer, row.object));
  const right = said === colourIn(row.answer);
  if (row.is_usual)
    return { ...readingOf(said, right), counts: { usual: 1, usualCorrect: right ? 1 : 0 } };
  const saidUsual = !right && said !== null && said === colourIn(row.usual ?? "");
  const counts = {
    unusual: 1,
    unusualCorrect: right ? 1 : 0,
    unusualWrong: right ? 0 : 1,
    saidUsual: saidUsual ? 1 : 0,
  };
  const why = saidUsual ? { explanation: "the usual colour, which is not the one shown" } : {};
  return { ...readingOf(said, right), ...why, counts };
}

function readingOf(said: string | null, right: boolean): Reading {
  if (said === null) return { extracted: null, explanation: "no colour word" };
  return { extracted: said, right, explanation: `said ${said}` };
}
