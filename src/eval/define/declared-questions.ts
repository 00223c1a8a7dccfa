import { InvalidArgumentError } from "../../errors.js";
import type { BenchmarkFiles, Question } from "../contract/benchmark.js";
import type { JudgeTask } from "../contract/judge-task.js";
import { readQuestions } from "../data/read-questions.js";
import { shownValue } from "../data/shown-value.js";
import { quotedAnswer } from "../rules/judge-tasks.js";
import type { BenchmarkDeclaration, DeclaredPrompt, DeclaredRule } from "./declaration.js";
import { countableOf, type DeclaredMetrics } from "./declared-metrics.js";
import { NO_VERDICT, scoreReading } from "./declared-score.js";
import { type RowReader, schemaOf } from "./row-shape.js";

/** A declaration whose types of rows and metrics nobody needs any more. */
export type AnyDeclaration = Omit<
  BenchmarkDeclaration<(value: unknown) => unknown, string>,
  "row"
> & { readonly row: RowReader };

/** What a row says of its question. */
type Parts = Pick<Question, "id" | "image" | "prompt" | "cluster" | "group" | "tag" | "truth">;

const TAGS: readonly unknown[] = ["recognition", "perception", "knowledge", "reasoning", undefined];

/**
 * The questions of a declared benchmark's file.
 *
 * @throws DatasetError naming file and line of every row that does not fit, or of which no question can be made
 */
export function declaredQuestions(
  declared: AnyDeclaration,
  files: BenchmarkFiles,
  prompt: DeclaredPrompt<unknown>,
): Question[] {
  const { name, kind = "open", check } = declared;
  const rows = readQuestions(files, {
    benchmark: name,
    schema: schemaOf(declared.row),
    identify: declared.id,
    // An author's check says better what is wrong than what fails without it.
    check: (row) => faultOf(() => check?.(row) ?? partsFault(partsOf(declared, prompt, row), kind)),
  });
  const countable = countableOf(declared.metrics as DeclaredMetrics | undefined);
  return rows.map(({ value: row, where }) => {
    const parts = partsOf(declared, prompt, row);
    return {
      ...parts,
      where,
      judgeTask: (answer, rule) => taskOf(declared, rule, answer, row),
      score: (answer, { rule, verdict }) => {
        const { ask, read } = ruleOf(declared, rule);
        const judged = ask !== undefined;
        const text = judged ? verdict : answer;
        if (text === null) return NO_VERDICT;
        const place = `rule ${rule} of ${name}, question ${parts.id} (${where})`;
        const context = { rule: place, kind, truth: parts.truth, judged, countable };
        return scoreReading(readBy(read, text, row, place), context);
      },
    };
  });
}

function partsOf(declared: AnyDeclaration, prompt: DeclaredPrompt<unknown>, row: unknown): Parts {
  const id = declared.id(row);
  const image = declared.image?.(row) ?? null;
  const tag = declared.tag?.(row);
  return {
    id,
    image,
    prompt: prompt(row),
    cluster: declared.cluster?.(row) ?? image ?? id,
    group: declared.group?.(row) ?? null,
    ...(tag === undefined ? {} : { tag }),
    truth: declared.truth(row),
  };
}

function partsFault(parts: Parts, kind: string): string | null {
  const { id, image, prompt, cluster, group, tag, truth } = parts;
  for (const [name, value] of Object.entries({ image, group })) {
    if (value !== null && (typeof value !== "string" || value === "")) {
      return `${name}: received ${shownValue(value)}; expected text, or null`;
    }
  }
  for (const [name, value] of Object.entries({ id, prompt, cluster, truth })) {
    if (typeof value !== "string" || value === "") {
      return `${name}: received ${shownValue(value)}; expected text that is not empty`;
    }
  }
  if (!TAGS.includes(tag)) {
    return `tag: received ${shownValue(tag)}; expected recognition, perception, knowledge or reasoning`;
  }
  if (kind === "yes-no" && !/^\s*(yes|no)\s*$/i.test(truth)) {
    return `truth: received ${shownValue(truth)}; expected yes or no`;
  }
  return null;
}

/** An author's functions fail where a row is not what they take it for. */
function faultOf(find: () => string | null): string | null {
  try {
    return find();
  } catch (error) {
    return `no question can be made of the row (${messageOf(error)})`;
  }
}

function ruleOf({ name, rules }: AnyDeclaration, rule: string): DeclaredRule<unknown> {
  const found = Object.hasOwn(rules, rule) ? rules[rule] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(rules).join(", ");
  throw new InvalidArgumentError(`rule of ${name}: received ${shownValue(rule)}; it has ${known}`);
}

/** A verdict in which nothing can be read is asked for again. */
function taskOf(declared: AnyDeclaration, rule: string, answer: string, row: unknown): JudgeTask {
  const { ask, read } = ruleOf(declared, rule);
  const asked = ask?.(quotedAnswer(answer), row);
  if (asked === undefined || asked === "") {
    throw new InvalidArgumentError(`rule ${rule} of ${declared.name}: nothing to ask a judge`);
  }
  const task = typeof asked === "string" ? { prompt: asked, schema: null } : asked;
  return {
    accepts: (verdict) => {
      const reading = read(verdict, row);
      return typeof reading === "object" ? (reading?.extracted ?? null) !== null : true;
    },
    ...task,
  };
}

function readBy(
  read: DeclaredRule<unknown>["read"],
  text: string,
  row: unknown,
  place: string,
): unknown {
  try {
    return read(text, row);
  } catch (cause) {
    throw new InvalidArgumentError(`${place}: its function failed (${messageOf(cause)})`, {
      cause,
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
