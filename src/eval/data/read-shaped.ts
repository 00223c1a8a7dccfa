import { z } from "zod";
import { DatasetError } from "../../errors.js";
import { listed, type Row } from "./parse-rows.js";

/** A row whose fields were checked. */
export interface ShapedRow<T> {
  readonly value: T;
  readonly where: string;
}

/** An identifier as files write it, number or text; read as text. */
export const identifier: z.ZodType<string> = z
  .union([z.string().min(1), z.number()])
  .transform(String);

/** A yes/no label in any case. */
export const yesNoLabel: z.ZodType<"yes" | "no"> = z
  .string()
  .transform((label) => label.trim().toLowerCase())
  .pipe(z.enum(["yes", "no"], { error: 'unknown label; expected "yes" or "no"' }));

/**
 * Rows with the fields a benchmark needs.
 *
 * @throws DatasetError naming file, line and field of every row that does not fit
 */
export function readShaped<T>(rows: readonly Row[], schema: z.ZodType<T>): ShapedRow<T>[] {
  const shaped: ShapedRow<T>[] = [];
  const problems: string[] = [];
  for (const { value, where } of rows) {
    const result = schema.safeParse(value);
    if (result.success) shaped.push({ value: result.data, where });
    else problems.push(`${where}: ${describe(result.error, value)}`);
  }
  if (problems.length > 0) throw new DatasetError(listed(problems));
  return shaped;
}

/**
 * Refuses rows that share an identifier.
 *
 * @throws DatasetError naming the identifier and both places
 */
export function refuseDuplicates<T>(
  rows: readonly ShapedRow<T>[],
  identify: (value: T) => string,
): void {
  const first = new Map<string, string>();
  const problems: string[] = [];
  for (const { value, where } of rows) {
    const id = identify(value);
    const earlier = first.get(id);
    if (earlier === undefined) first.set(id, where);
    else problems.push(`${where}: duplicate id ${id}, already in ${earlier}; ids must be unique`);
  }
  if (problems.length > 0) throw new DatasetError(listed(problems));
}

function describe(error: z.ZodError, value: unknown): string {
  return error.issues
    .slice(0, 2)
    .map((issue) => {
      const field = issue.path.join(".");
      const received = field === "" ? value : (value as Record<string, unknown>)[field];
      const shown = JSON.stringify(received)?.slice(0, 60) ?? "nothing";
      return `${field === "" ? "row" : `field ${field}`}: received ${shown}; ${issue.message}`;
    })
    .join("; ");
}
