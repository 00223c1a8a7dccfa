import { z } from "zod";
import { identifier, yesNoLabel } from "../data/read-shaped.js";

/** What fields hold, by the word that declares it. */
export interface DeclaredFieldValues {
  text: string;
  "text?": string | undefined;
  identifier: string;
  number: number;
  "number?": number | undefined;
  boolean: boolean;
  "boolean?": boolean | undefined;
  texts: readonly string[];
  "texts?": readonly string[] | undefined;
  "yes-no": "yes" | "no";
}

/**
 * What a field of a row holds: `text` (not empty), `identifier` (text or a number, read as text), `number`, `boolean`,
 * `texts` (a list), `yes-no` in any case; or one of some words, in a list. With `?` it may be missing or null.
 */
export type FieldKind = keyof DeclaredFieldValues | readonly [string, ...string[]];

/** The fields of a row that a benchmark needs, by name. Others may stand beside them. */
export type RowShape = Readonly<Record<string, FieldKind>>;

/** How a row is read: its fields, or a function of its JSON value that throws where the row does not fit. */
export type RowReader = RowShape | ((value: unknown) => unknown);

/** The row that a reader gives. */
export type RowOf<Reader extends RowReader> = Reader extends (value: unknown) => infer Row
  ? Row
  : {
      readonly [Name in keyof Reader]: Reader[Name] extends keyof DeclaredFieldValues
        ? DeclaredFieldValues[Reader[Name]]
        : Reader[Name] extends readonly string[]
          ? Reader[Name][number]
          : never;
    };

const text = z.string().min(1, { error: "expected text that is not empty" });
const texts = z.array(text);

function maybe<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return schema.nullish().transform((value) => value ?? undefined);
}

const FIELDS: {
  readonly [Kind in keyof DeclaredFieldValues]: z.ZodType<DeclaredFieldValues[Kind]>;
} = {
  text,
  "text?": maybe(z.string()),
  identifier,
  number: z.number(),
  "number?": maybe(z.number()),
  boolean: z.boolean(),
  "boolean?": maybe(z.boolean()),
  texts,
  "texts?": maybe(texts),
  "yes-no": yesNoLabel,
};

/** The words that declare a field, for messages. */
export const FIELD_KINDS: readonly string[] = Object.keys(FIELDS);

/** True for the words that declare a field, and for lists of words. */
export function isFieldKind(value: unknown): value is FieldKind {
  if (typeof value === "string") return Object.hasOwn(FIELDS, value);
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
}

/** The schema of the rows that a reader takes. */
export function schemaOf(reader: RowReader): z.ZodType<unknown> {
  if (typeof reader === "function") return schemaOfFunction(reader);
  const fields = Object.entries(reader).map(([name, kind]) => {
    const schema = typeof kind === "string" ? FIELDS[kind] : z.enum(kind as [string, ...string[]]);
    return [name, schema] as const;
  });
  return z.object(Object.fromEntries(fields));
}

/** What the function throws is what is wrong with the row; of a schema's errors, field by field. */
function schemaOfFunction(read: (value: unknown) => unknown): z.ZodType<unknown> {
  return z.unknown().transform((value, context) => {
    try {
      return read(value);
    } catch (error) {
      for (const { path, message } of issuesOf(error)) {
        context.addIssue({ code: "custom", path: [...path], message });
      }
      return z.NEVER;
    }
  });
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A user's zod may be another copy than ours, so that its errors are told by what they hold. */
function issuesOf(error: unknown): readonly Issue[] {
  const { issues } = (error ?? {}) as { issues?: unknown };
  if (Array.isArray(issues) && issues.length > 0 && issues.every(isIssue)) return issues;
  return [{ path: [], message: error instanceof Error ? error.message : String(error) }];
}

function isIssue(value: unknown): value is Issue {
  const { path, message } = (value ?? {}) as Partial<Issue>;
  return Array.isArray(path) && typeof message === "string";
}
