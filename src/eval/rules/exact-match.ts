import { firstWordRule } from "../../objects/yes-no-answer.js";
import { vqaNormalForm } from "./vqa-normal-form.js";

/** What an answer is compared with. */
export interface ExpectedAnswer {
  /** Any of these is right; at least one. */
  readonly answers: readonly string[];
  /** What is chosen among; none for an open question. */
  readonly choices: readonly string[];
  /** Decimals to which a number is rounded before it is compared; null for none. */
  readonly precision: number | null;
}

/** What was read out of an answer, and whether it is right; `read` is null where nothing was. */
export interface ExactMatch {
  readonly read: string | null;
  readonly right: boolean;
}

/**
 * Exact match of an answer's end: what stands in its last \boxed{}, else behind its last "answer is" or "answer:", else
 * all of it. How that is read is a matter of the truth:
 *
 * - one of several choices: a letter that stands alone, in brackets or before a full stop; else the one choice whose
 *   words it holds;
 * - yes or no: the first word;
 * - numbers: the last number, rounded as asked for;
 * - anything else: the whole, in VQA's normal form.
 */
export function exactMatch(answer: string, expected: ExpectedAnswer): ExactMatch {
  const end = endOf(answer);
  const { answers, choices, precision } = expected;
  const truth = choiceOf(answers[0] ?? "", choices);
  if (truth !== null) {
    const chosen = chosenIn(end, choices) ?? chosenIn(answer, choices);
    return { read: chosen === null ? null : letterOf(chosen), right: chosen === truth };
  }
  if (answers.every((one) => /^(yes|no)$/i.test(one.trim()))) {
    const word = firstWordRule(end);
    const right = answers.some((one) => one.trim().toLowerCase() === word);
    return { read: word === "unparsed" ? null : word, right };
  }
  const numbers = answers.map(wholeNumber);
  if (numbers.every((number) => number !== null)) {
    const said = lastNumber(end) ?? lastNumber(answer);
    const right = said !== null && numbers.some((number) => areEqual(said, number, precision));
    return { read: said === null ? null : String(said), right };
  }
  const said = vqaNormalForm(end);
  const right = answers.some((one) => vqaNormalForm(one) === said);
  return { read: said === "" ? null : said, right: right && said !== "" };
}

/** The choice that a truth names, by its words or its letter; null when it names none. */
export function choiceOf(truth: string, choices: readonly string[]): number | null {
  const form = vqaNormalForm(truth);
  const byWords = choices.findIndex((choice) => choice === truth || vqaNormalForm(choice) === form);
  const byLetter = /^\(?[A-Za-z]\)?\.?$/.test(truth.trim())
    ? choices.findIndex(
        (_, index) => letterOf(index) === truth.replace(/[^A-Za-z]/g, "").toUpperCase(),
      )
    : -1;
  const found = byLetter >= 0 ? byLetter : byWords;
  return found >= 0 ? found : null;
}

/** The letter of a choice. */
export function letterOf(index: number): string {
  return String.fromCharCode(65 + index);
}

function endOf(answer: string): string {
  const boxed = [...answer.matchAll(/\\boxed\{([^{}]*)\}/g)].at(-1)?.[1];
  if (boxed !== undefined) return boxed;
  const mark = [...answer.matchAll(/\banswer(?: is\b|:)[:\s]*/gi)].at(-1);
  const behind = mark === undefined ? "" : answer.slice(mark.index + mark[0].length);
  return behind.trim() === "" ? answer : behind;
}

function chosenIn(text: string, choices: readonly string[]): number | null {
  const begun = /^\W*([A-Za-z])\W*$/.exec(text) ?? /^[^\w(]*([A-Z])[.:)]/.exec(text);
  const bracketed = [...text.matchAll(/\(([A-Z])\)/g)];
  const letters = (begun === null ? bracketed : [begun]).map(
    ([, letter = ""]) => letter.toUpperCase().charCodeAt(0) - 65,
  );
  const [index, ...others] = new Set(letters.filter((one) => one < choices.length));
  if (index !== undefined) return others.length === 0 ? index : null;
  const said = ` ${vqaNormalForm(text)} `;
  const held = choices.flatMap((choice, at) => {
    const form = vqaNormalForm(choice);
    return form !== "" && said.includes(` ${form} `) ? [{ at, form: ` ${form} ` }] : [];
  });
  // Of "red" and "dark red", an answer with the second holds both.
  const longest = held.filter(
    ({ at, form }) => !held.some((other) => other.at !== at && other.form.includes(form)),
  );
  return longest.length === 1 ? longest[0]!.at : null;
}

const NUMBER =
  /(?<![\p{L}\p{N}])[-−]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?/giu;

/** A truth that is a number, with its sign of currency or percent; null for anything else. */
function wholeNumber(text: string): number | null {
  const bare = text.trim().replace(/^[$€£]|[%°]$/g, "");
  const [match, ...others] = bare.match(NUMBER) ?? [];
  if (match === undefined || others.length > 0 || match !== bare.trim()) return null;
  return numberOf(match);
}

function lastNumber(text: string): number | null {
  const match = text.match(NUMBER)?.at(-1) ?? vqaNormalForm(text).match(NUMBER)?.at(-1);
  return match === undefined ? null : numberOf(match);
}

/** Hundreds of digits would be infinite. */
function numberOf(match: string): number | null {
  const value = Number(match.replaceAll(",", "").replace("−", "-"));
  return Number.isFinite(value) ? value : null;
}

function areEqual(said: number, truth: number, precision: number | null): boolean {
  if (precision !== null) return Number(said.toFixed(precision)) === truth;
  return Math.abs(said - truth) <= 1e-9 * Math.max(1, Math.abs(truth));
}
