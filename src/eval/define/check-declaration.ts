import { InvalidArgumentError } from "../../errors.js";
import { shownValue } from "../data/shown-value.js";
import { FIELD_KINDS, isFieldKind } from "./row-shape.js";

/** What a field may be, in words, and whether a value is. */
type Check = readonly [expected: string, holds: (value: unknown) => boolean];

const isText = (value: unknown) => typeof value === "string" && value.trim() !== "";
const isFunction = (value: unknown) => typeof value === "function";
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const oneOf = (...words: string[]): Check => [
  `one of ${words.join(", ")}`,
  (value) => words.includes(value as string),
];
const some = (...fields: unknown[]) => fields.some((value) => value !== undefined);

const TEXT: Check = ["text that is not empty", isText];
const FUNCTION: Check = ["a function of a row", isFunction];
const RECORD: Check = [
  "an object with an entry or more",
  (value) => isRecord(value) && Object.keys(value).length > 0,
];
const COUNT: Check = [
  "an integer of at least 1",
  (value) => Number.isInteger(value) && Number(value) > 0,
];
const KIND: Check = oneOf("yes-no", "caption", "open");
const UNIT: Check = oneOf("share", "percent", "points", "words", "count");
const BETTER: Check = oneOf("higher", "lower", "neither");
const FIELD: Check = [`one of ${FIELD_KINDS.join(", ")}, or a list of words`, isFieldKind];
const NAME: Check = [
  "letters, digits, _ and -",
  (name) => /^[\p{L}\p{N}][\p{L}\p{N}_-]*$/u.test(String(name)),
];

const ROW_OR_FUNCTION: Check = [
  "the fields of a row, or a function of its JSON value",
  (value) => isFunction(value) || RECORD[1](value),
];
const PROMPT: Check = ["a function of a row, or several by name", ROW_OR_FUNCTION[1]];

const REQUIRED = {
  name: TEXT,
  row: ROW_OR_FUNCTION,
  id: FUNCTION,
  prompt: PROMPT,
  truth: FUNCTION,
  rules: RECORD,
} as const;
const OPTIONAL = {
  title: TEXT,
  kind: KIND,
  source: TEXT,
  check: FUNCTION,
  image: FUNCTION,
  group: FUNCTION,
  tag: FUNCTION,
  cluster: FUNCTION,
  metrics: RECORD,
  primary: TEXT,
  maxNewTokens: COUNT,
} as const;
const RULE = { read: ["a function of a text and a row", isFunction] } as const;
const RULE_OPTIONAL = { ask: ["a function of an answer and a row", isFunction] } as const;
const METRIC_OPTIONAL = { title: TEXT, unit: UNIT, better: BETTER } as const;
const RATIO = { part: TEXT, whole: TEXT } as const;
const FIGURE = { of: ["a function of counts", isFunction] } as const;

/**
 * Refuses what is no declaration of a benchmark.
 *
 * @throws InvalidArgumentError naming the field, what was received and what is expected
 */
export function checkDeclaration(value: unknown): void {
  checkFields("benchmark", value, REQUIRED, OPTIONAL);
  const declared = value as { readonly [Name in keyof typeof REQUIRED]: unknown } & {
    readonly [Name in keyof typeof OPTIONAL]?: unknown;
  };
  const benchmark = `benchmark ${String(declared.name)}`;
  checkValue(`${benchmark}: name`, declared.name, NAME);
  for (const [name, kind] of entriesOf(declared.row)) {
    checkValue(`${benchmark}: row.${name}`, kind, FIELD);
  }
  for (const [name, prompt] of entriesOf(declared.prompt)) {
    checkValue(`${benchmark}: name of a prompt`, name, NAME);
    checkValue(`${benchmark}: prompt.${name}`, prompt, FUNCTION);
  }
  for (const [name, rule] of entriesOf(declared.rules)) {
    checkFields(`${benchmark}: rules.${name}`, rule, RULE, RULE_OPTIONAL);
  }
  for (const [name, metric] of entriesOf(declared.metrics)) {
    const place = `${benchmark}: metrics.${name}`;
    const isFigure = isRecord(metric) && some(metric.of);
    if (isFigure) checkFields(place, metric, FIGURE, METRIC_OPTIONAL);
    else checkFields(place, metric, RATIO, { ...METRIC_OPTIONAL, undefinedReason: TEXT });
  }
  checkMetrics(benchmark, declared);
}

function checkMetrics(
  benchmark: string,
  declared: { readonly kind?: unknown; readonly metrics?: unknown; readonly primary?: unknown },
): void {
  const { kind, metrics, primary } = declared;
  if (kind === "caption" && metrics === undefined) {
    throw new InvalidArgumentError(
      `${benchmark}: metrics: received nothing; expected some, since captions are not right or wrong as a whole`,
    );
  }
  if (primary === undefined) return;
  if (metrics === undefined) {
    throw new InvalidArgumentError(
      `${benchmark}: primary: received ${shownValue(primary)}; expected metrics to name it in`,
    );
  }
  checkValue(`${benchmark}: primary`, primary, oneOf(...Object.keys(metrics as object)));
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

function checkFields(
  place: string,
  value: unknown,
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>>,
): void {
  if (!isRecord(value)) {
    throw new InvalidArgumentError(`${place}: received ${received(value)}; expected an object`);
  }
  const known = { ...required, ...optional };
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(known, name)) continue;
    const names = Object.keys(known).join(", ");
    throw new InvalidArgumentError(`${place} has no field '${name}'; known are ${names}`);
  }
  for (const [name, check] of Object.entries(known)) {
    if (value[name] === undefined && Object.hasOwn(optional, name)) continue;
    checkValue(`${place}: ${name}`, value[name], check);
  }
}

function checkValue(place: string, value: unknown, [expected, holds]: Check): void {
  if (holds(value)) return;
  throw new InvalidArgumentError(`${place}: received ${received(value)}; expected ${expected}`);
}

/** Functions have no JSON. */
function received(value: unknown): string {
  return typeof value === "function" ? "a function" : shownValue(value);
}
