import * as z from "zod/mini";
import type { Explanation } from "../src/diagnose/contract/explanation.js";

/** Most tokens and phrases of a trace, and most cells along a side of a map. */
const MOST_TOKENS = 50_000;
const MOST_CELLS = 1024;
/** Faults that are told of a file. */
const MOST_FAULTS = 3;

const count = z.int().check(z.nonnegative());
const share = z.number().check(z.minimum(0), z.maximum(1));
const top = z.array(z.object({ id: count, text: z.string(), logprob: z.number() }));
const view = z.nullable(
  z.object({ logprob: z.number(), difference: z.number(), divergence: z.number(), top }),
);
const base = z.object({
  rank: count,
  logprob: z.number(),
  shift: z.enum(["unshifted", "marginal", "shifted"]),
  top,
});
const cells = z.int().check(z.minimum(1), z.maximum(MOST_CELLS));
const map = z
  .object({
    rows: cells,
    columns: cells,
    values: z.array(z.number()),
    how: z.enum(["occlusion", "attention"]),
  })
  .check(
    z.refine(({ rows, columns, values }) => values.length === rows * columns, {
      error: "values must be rows x columns numbers",
      path: ["values"],
    }),
  );
const token = z.object({
  id: count,
  text: z.string(),
  start: count,
  end: count,
  logprob: z.number(),
  probability: share,
  rank: count,
  entropy: z.number(),
  plausible: count,
  elbow: count,
  top,
  distorted: view,
  imageless: view,
  base: z.nullable(base),
  attention: z.optional(share),
  map: z.optional(map),
});
const phrase = z.object({
  text: z.string(),
  start: count,
  end: count,
  kind: z.enum(["object", "relation-action", "relation"]),
  tokens: z.tuple([count, count]),
  object: z.optional(z.string()),
  trust: z.nullable(share),
  signals: z.record(z.string(), z.nullable(z.number())),
  doubtful: z.boolean(),
  reasons: z.array(z.string()),
  cause: z.optional(z.enum(["language", "instruction-tuning", "style", "vision"])),
});
const explanation = z.object({
  schemaVersion: z.literal(1),
  model: z.object({ id: z.string(), dtype: z.string(), hash: z.string() }),
  base: z.nullable(z.object({ id: z.string(), kind: z.enum(["base-llm", "approximation"]) })),
  question: z.string(),
  answer: z.string(),
  generated: z.boolean(),
  seed: z.number(),
  settings: z.object({ beta: z.number(), noiseStep: z.number() }),
  image: z.nullable(
    z.object({
      width: z.int().check(z.minimum(1)),
      height: z.int().check(z.minimum(1)),
      dataUrl: z.optional(
        z
          .string()
          .check(
            z.regex(
              /^data:image\/(webp|png|jpeg|gif|avif);base64,/,
              "must hold an image in base64",
            ),
          ),
      ),
    }),
  ),
  tokens: z.array(token),
  phrases: z.array(phrase),
  warnings: z.array(z.string()),
});

/** A trace, or what is wrong with it. */
export type CheckedTrace = { readonly trace: Explanation } | { readonly problem: string };

/** Reads the text of a trace file. */
export function checkTrace(text: string): CheckedTrace {
  const value = parse(text);
  if (value === undefined) return { problem: "it is not JSON, or is cut off" };
  const version = versionOf(value);
  if (version === undefined)
    return {
      problem: "it is no trace: it has no schemaVersion. Make one: explain --out trace.json",
    };
  if (version !== 1)
    return { problem: `it has schemaVersion ${JSON.stringify(version)}, and this page reads 1` };
  for (const name of ["tokens", "phrases"] as const) {
    const { length } = Object(Object(value)[name]);
    if (length > MOST_TOKENS)
      return { problem: `it has ${length} ${name}, and at most ${MOST_TOKENS} are read` };
  }
  const { data, error } = explanation.safeParse(value);
  const faults = error ? error.issues.map(faultText) : misplaced(data as Explanation);
  if (faults.length > 0) return { problem: listed(faults) };
  return { trace: data as Explanation };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function versionOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "schemaVersion" in value
    ? value.schemaVersion
    : undefined;
}

function faultText({ path, message }: z.core.$ZodIssue): string {
  const place = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`));
  return `${place.join("").replace(/^\./, "")}: ${message}`;
}

/** What lies outside of what it belongs to. */
function misplaced({ answer, tokens, phrases }: Explanation): string[] {
  const faults: string[] = [];
  let last = 0;
  for (const [i, { start, end }] of tokens.entries()) {
    if (start < last || end < start || end > answer.length)
      faults.push(`tokens[${i}]: characters ${start} to ${end} are out of order or of the answer`);
    last = Math.max(last, end);
  }
  for (const [i, { tokens: range }] of phrases.entries()) {
    if (range[1] < range[0] || range[1] > tokens.length)
      faults.push(`phrases[${i}]: tokens ${range[0]} to ${range[1]} are not in the answer`);
  }
  return faults;
}

function listed(faults: readonly string[]): string {
  const told = faults.slice(0, MOST_FAULTS).join("; ");
  return faults.length > MOST_FAULTS ? `${told}; and ${faults.length - MOST_FAULTS} more` : told;
}
