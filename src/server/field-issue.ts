import type { z } from "zod";
import { type ApiError, badRequest } from "./api-error.js";

type Issue = z.core.$ZodIssue;

/** Fields that are null are left out: clients write so what they do not ask for. */
export function unlessNull(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

/** The first of the issues that a schema found, naming its field. */
export function fieldIssue({ issues }: z.ZodError): ApiError {
  const { path, issue } = innermost(issues[0]!);
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return badRequest(nameOf([...path, key.slice(0, 60)]), "unknown field; leave it out");
  }
  const name = nameOf(path);
  if (name === "") return badRequest(undefined, "expected the body to be an object");
  return badRequest(name, issue.message);
}

interface Placed {
  readonly path: readonly PropertyKey[];
  readonly issue: Issue;
}

/**
 * Of a union's issues that of the kind that the value comes nearest to: the one that is wrong furthest inside, or else in
 * another way than by its type.
 */
function innermost(issue: Issue, above: readonly PropertyKey[] = []): Placed {
  const path = [...above, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return { path, issue };
  const inner = issue.errors.flatMap(([first]) =>
    first === undefined ? [] : [innermost(first, path)],
  );
  return inner.reduce((best, one) => (nearness(one) > nearness(best) ? one : best));
}

function nearness({ path, issue }: Placed): number {
  return 2 * path.length + (issue.code === "invalid_type" ? 0 : 1);
}

function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${String(key)}`))
    .join("");
}
