import { z } from "zod";
import type { JudgeTask } from "../contract/judge-task.js";
import { shownValue } from "../data/shown-value.js";

/** What is wrong with a verdict, for the reasons of failures; null when it is what the task asks for. */
export function verdictFault({ schema, accepts }: JudgeTask, verdict: string): string | null {
  return (
    (schema === null ? null : schemaFault(schema, verdict)) ??
    (accepts === undefined || accepts(verdict)
      ? null
      : "the verdict is not in the form that was asked for")
  );
}

function schemaFault(schema: Readonly<Record<string, unknown>>, verdict: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(verdict);
  } catch {
    return "the verdict is no JSON";
  }
  const issue = shapeOf(schema)?.safeParse(value).error?.issues[0];
  if (issue === undefined) return null;
  const place = issue.path.map((part) => `${shownValue(part)}: `).join("");
  // Names that the judge made up could be as long as its text: failures are counted by reason, and shown.
  const fault = issue.code === "unrecognized_keys" ? "it has keys of its own" : issue.message;
  return `the verdict does not follow the schema (${place}${fault})`;
}

/** Null for a schema with keywords that cannot be checked here. */
function shapeOf(schema: Readonly<Record<string, unknown>>): z.ZodType | null {
  try {
    return z.fromJSONSchema(schema);
  } catch {
    return null;
  }
}
