import { firstWordRule } from "../../objects/yes-no-answer.js";
import type { Cell } from "../contract/benchmark.js";

/** How an answer to a yes/no question is read. */
export type YesNoRule = (answer: string, label: "yes" | "no") => "yes" | "no" | "unparsed";

const POPE_NEGATIONS = new Set(["No", "not", "no"]);
const OPERA_NEGATIONS = new Set(["No", "not", "no", "NO"]);

/**
 * POPE's evaluator: the text before the first full stop, commas removed, split at single spaces; one of
 * the words `No`, `not`, `no` makes it a no, anything else is a yes.
 *
 * @see https://github.com/RUCAIBox/POPE evaluate.py
 */
function popeRule(answer: string): "yes" | "no" {
  const words = (answer.split(".")[0] ?? "").replaceAll(",", "").split(" ");
  return words.some((word) => POPE_NEGATIONS.has(word)) ? "no" : "yes";
}

/**
 * VCD's script looks for the label inside the lower-cased answer, also within words: a "yes" question
 * is right when the answer holds `yes`, a "no" question when it holds `no` (as in "cannot").
 *
 * @see https://github.com/DAMO-NLP-SG/VCD experiments/eval/eval_pope.py
 */
function vcdRule(answer: string, label: "yes" | "no"): "yes" | "no" {
  const holds = answer.toLowerCase().includes(label);
  if (label === "yes") return holds ? "yes" : "no";
  return holds ? "no" : "yes";
}

/**
 * OPERA's script: full stops and commas removed from the whole answer; a negation word, or a word that
 * ends in `n't`, makes it a no, anything else is a yes.
 *
 * @see https://github.com/shikiw/OPERA pope_eval.py
 */
function operaRule(answer: string): "yes" | "no" {
  const words = answer.replaceAll(".", "").replaceAll(",", "").split(" ");
  const negative = words.some((word) => OPERA_NEGATIONS.has(word) || word.endsWith("n't"));
  return negative ? "no" : "yes";
}

/**
 * DASH-B's script: yes where the lower-cased answer holds `yes`, also within a word, else no where it holds `no`.
 *
 * @see https://github.com/YanNeu/DASH-B src/eval_utils.py
 */
export function dashRule(answer: string): "yes" | "no" | "unparsed" {
  const text = answer.toLowerCase();
  return text.includes("yes") ? "yes" : text.includes("no") ? "no" : "unparsed";
}

/** Rules for POPE by name; the first is the authors' own. */
export const POPE_RULES: Readonly<Record<"pope" | "vcd" | "opera" | "first-word", YesNoRule>> = {
  pope: popeRule,
  vcd: vcdRule,
  opera: operaRule,
  "first-word": firstWordRule,
};

/** True when a text holds neither yes nor no nor another negation as a word: no rule can be sure of it. */
export function isUnclear(answer: string): boolean {
  return !/\b(yes|no|not|cannot)\b|n['’]t\b/i.test(answer);
}

/** Where an answer that was read as yes or no stands, for a question with this truth. */
export function cellOf(read: "yes" | "no", label: "yes" | "no"): Cell {
  if (read === "yes") return label === "yes" ? "tp" : "fp";
  return label === "no" ? "tn" : "fn";
}
