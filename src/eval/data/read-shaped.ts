import { z } from "zod";
import { DatasetError } from "../../errors.js";
import type { DataFile } from "../contract/benchmark.js";
import { type Fault, listed, type Row, rowsOf, withoutFaults } from "./parse-rows.js";
import { partsOf } from "./read-data-file.js";
import { identifierFault, shownValue } from "./shown-value.js";

/** A row whose fields were checked. */
export interface ShapedRow<T> {
  readonly value: T;
  readonly where: string;
}

/** An identifier as files write it, number or text; read as text. */
export const identifier: z.ZodType<string> = z.unknown().transform((value, context) => {
  const message = value === "" ? "expected text or a number" : identifierFault(value);
  if (message === null) return String(value);
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

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
  return withoutFaults(rows.map((row) => shapedOrFault(row, schema)));
}

/** How {@link readShapedFile} reads. */
export interface ShapedFileOptions<T> {
  readonly schema: z.ZodType<T>;
  /** What no two rows may share; left out where they may. */
  readonly identify?: (value: T) => string;
  /** What else is wrong with a row; null when nothing is. */
  readonly check?: (value: T) => string | null;
}

/**
 * The checked rows of a file. Lines that are no JSON, rows that do not fit and identifiers that are there
 * twice are told at once, in the order of the file.
 *
 * @throws DatasetError naming file, line and field of each
 */
export function readShapedFile<T>(
  file: DataFile,
  { schema, identify, check = () => null }: ShapedFileOptions<T>,
): ShapedRow<T>[] {
  const first = new Map<string, string>();
  return withoutFaults(
    partsOf(file)
      .flatMap(rowsOf)
      .map((row): ShapedRow<T> | Fault => {
        const shaped = "fault" in row ? row : shapedOrFault(row, schema);
        if ("fault" in shaped) return shaped;
        const wrong = check(shaped.value);
        if (wrong !== null) return { fault: `${shaped.where}: ${wrong}` };
        return repeated(shaped, identify, first) ?? shaped;
      }),
  );
}

function shapedOrFault<T>({ value, where }: Row, schema: z.ZodType<T>): ShapedRow<T> | Fault {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data, where };
  return { fault: `${where}: ${describe(result.error, value)}` };
}

function repeated<T>(
  { value, where }: ShapedRow<T>,
  identify: ((value: T) => string) | undefined,
  first: Map<string, string>,
): Fault | null {
  if (identify === undefined) return null;
  const id = identify(value);
  const earlier = first.get(id);
  if (earlier === undefined) {
    first.set(id, where);
    return null;
  }
  return { fault: `${where}: duplicate id ${id}, already in ${earlier}; ids must be unique` };
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
  const faults = rows.flatMap((row) => repeated(row, identify, first)?.fault ?? []);
  if (faults.length > 0) throw new DatasetError(listed(faults));
}

function describe(error: z.ZodError, value: unknown): string {
  return error.issues
    .slice(0, 2)
    .map((issue) => {
      const field = issue.path.join(".");
      const received = issue.path.reduce<unknown>(
        (within, key) => (within as Record<PropertyKey, unknown> | null | undefined)?.[key],
        value,
      );
      const shown = shownValue(received);
      return `${field === "" ? "row" : `field ${field}`}: received ${shown}; ${issue.message}`;
    })
    .join("; ");
}
