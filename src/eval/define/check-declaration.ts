import { InvalidArgumentError } from "../../errors.js";
import { shownValue } from "../data/shown-value.js";
import { FIELD_KINDS, isFieldKind } from "./row-shape.js";

/** What a field may be, in words, and whether a value is. */
type Check = readonly [expected: string, holds: (value: unknown) => boolean];

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.trim() !== "";
const isFunction = (value: unknown) => typeof value === "function";
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const oneOf = (...words: string[]): Check => [
  `one of ${words.join(", ")}`,
  (value) => words.includes(value as string),
];

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
 * @throws InvalidArgumentError naming all that is wrong, each with its field, what was received and what is expected
 */
export function checkDeclaration(value: unknown): void {
  const faults = faultsOf(value);
  if (faults.length > 0) throw new InvalidArgumentError(faults.join("\n"));
}

function faultsOf(value: unknown): string[] {
  const fields = fieldFaults("benchmark", value, REQUIRED, OPTIONAL);
  if (!isRecord(value)) return fields;
  const { name, row, prompt, rules, metrics } = value;
  const benchmark = isText(name) ? `benchmark ${name}` : "benchmark";
  return [
    ...fields,
    ...(isText(name) ? valueFaults(`${benchmark}: name`, name, NAME) : []),
    ...entriesOf(row).flatMap(([field, kind]) =>
      valueFaults(`${benchmark}: row.${field}`, kind, FIELD),
    ),
    ...entriesOf(prompt).flatMap(([variant, ask]) => [
      ...valueFaults(`${benchmark}: name of a prompt`, variant, NAME),
      ...valueFaults(`${benchmark}: prompt.${variant}`, ask, FUNCTION),
    ]),
    ...entriesOf(rules).flatMap(([rule, fields]) =>
      fieldFaults(`${benchmark}: rules.${rule}`, fields, RULE, RULE_OPTIONAL),
    ),
    ...entriesOf(metrics).flatMap(([metric, fields]) =>
      metricFaults(`${benchmark}: metrics.${metric}`, fields),
    ),
    ...primaryFaults(benchmark, value),
  ];
}

function metricFaults(place: string, metric: unknown): string[] {
  const isFigure = isRecord(metric) && metric.of !== undefined;
  return isFigure
    ? fieldFaults(place, metric, FIGURE, METRIC_OPTIONAL)
    : fieldFaults(place, metric, RATIO, { ...METRIC_OPTIONAL, undefinedReason: TEXT });
}

function primaryFaults(
  benchmark: string,
  { kind, metrics, primary }: Readonly<Record<string, unknown>>,
): string[] {
  if (metrics === undefined) {
    return [
      ...(kind === "caption"
        ? [
            `${benchmark}: metrics: received nothing; expected some, since captions are not right or wrong as a whole`,
          ]
        : []),
      ...(isText(primary)
        ? [`${benchmark}: primary: received ${shownValue(primary)}; expected metrics to name it in`]
        : []),
    ];
  }
  const names = entriesOf(metrics).map(([name]) => name);
  if (!isText(primary) || names.length === 0) return [];
  return valueFaults(`${benchmark}: primary`, primary, oneOf(...names));
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

function fieldFaults(
  place: string,
  value: unknown,
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>>,
): string[] {
  if (!isRecord(value)) return [`${place}: received ${received(value)}; expected an object`];
  const known = { ...required, ...optional };
  const names = Object.keys(known).join(", ");
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(known, name));
  const wrong = Object.entries(known).flatMap(([name, check]) =>
    value[name] === undefined && Object.hasOwn(optional, name)
      ? []
      : valueFaults(`${place}: ${name}`, value[name], check),
  );
  return [
    ...unknown.map((name) => `${place} has no field '${name}'; known are ${names}`),
    ...wrong,
  ];
}

function valueFaults(place: string, value: unknown, [expected, holds]: Check): string[] {
  return holds(value) ? [] : [`${place}: received ${received(value)}; expected ${expected}`];
}

/** Functions have no JSON. */
function received(value: unknown): string {
  return typeof value === "function" ? "a function" : shownValue(value);
}
