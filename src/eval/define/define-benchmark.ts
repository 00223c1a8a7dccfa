import type { Benchmark, BenchmarkKind } from "../contract/benchmark.js";
import { checkDeclaration } from "./check-declaration.js";
import type { BenchmarkDeclaration, DeclaredPrompt } from "./declaration.js";
import { type DeclaredMetrics, metricsOf } from "./declared-metrics.js";
import { type AnyDeclaration, declaredQuestions } from "./declared-questions.js";
import { requirePromptVariant } from "./prompt-variant.js";
import type { RowReader } from "./row-shape.js";

const MAX_NEW_TOKENS: Readonly<Record<BenchmarkKind, number>> = {
  "yes-no": 16,
  caption: 128,
  open: 64,
};

/**
 * A benchmark from its declaration: how a row is read, what is asked about it, what its truth is, how answers are
 * read and which figures come of it. Reading of files, checks of rows, judging, intervals and reports follow.
 *
 * @example
 * ```ts
 * import { defineBenchmark } from "groundsight/eval";
 *
 * export default defineBenchmark({
 *   name: "sides",
 *   row: { question_id: "identifier", image: "text", text: "text", side: ["left", "right"] },
 *   id: (row) => row.question_id,
 *   image: (row) => row.image,
 *   prompt: (row) => row.text,
 *   truth: (row) => row.side,
 *   rules: { "first-side": { read: (answer) => /\b(left|right)\b/i.exec(answer)?.[0] ?? null } },
 * });
 * ```
 * @throws InvalidArgumentError naming a field that is missing, unknown or of another type
 */
export function defineBenchmark<const Reader extends RowReader, const MetricName extends string>(
  declaration: BenchmarkDeclaration<Reader, MetricName>,
): Benchmark {
  checkDeclaration(declaration);
  const declared = declaration as unknown as AnyDeclaration;
  const { name, kind = "open", rules, prompt } = declared;
  const metrics = metricsOf(declared.metrics as DeclaredMetrics | undefined, kind);
  const judgedRules = Object.keys(rules).filter((rule) => rules[rule]?.ask !== undefined);
  return {
    name,
    title: declared.title ?? name,
    kind,
    source: declared.source ?? "a benchmark of its user's own",
    rules: Object.keys(rules) as [string, ...string[]],
    ...(judgedRules.length === 0 ? {} : { judgedRules }),
    metrics,
    primaryMetric: declared.primary ?? metrics[0]!.name,
    maxNewTokens: declared.maxNewTokens ?? MAX_NEW_TOKENS[kind],
    ...(typeof prompt === "function" ? {} : { promptVariants: Object.keys(prompt) }),
    load: (files, variant) => declaredQuestions(declared, files, promptOf(declared, variant)),
  };
}

function promptOf({ name, prompt }: AnyDeclaration, variant?: string): DeclaredPrompt<unknown> {
  const variants = typeof prompt === "function" ? {} : prompt;
  requirePromptVariant({ name, promptVariants: Object.keys(variants) }, variant);
  if (typeof prompt === "function") return prompt;
  return variant === undefined ? Object.values(variants)[0]! : variants[variant]!;
}
