import { readFile } from "node:fs/promises";
import { textTable } from "../eval/index.js";
import {
  DatasetError,
  decodeDirections,
  directionWarnings,
  type JsonValue,
  type SteeringDirections,
} from "../index.js";
import { say } from "./report-failure.js";
import { wrapText } from "./wrap-text.js";

/**
 * Reads a directions file.
 *
 * @throws DatasetError naming the path when it cannot be read or is none
 */
export async function readDirections(path: string): Promise<SteeringDirections> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new DatasetError(`${path}: cannot be read; check the path`, { cause });
  }
  try {
    return decodeDirections(bytes);
  } catch (cause) {
    throw new DatasetError(`${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Says on standard error what speaks against steering along directions. */
export function warnOf(directions: SteeringDirections): void {
  for (const warning of directionWarnings(directions)) {
    say(warning);
  }
}

/** What was found about the directions of one part: by layer, but for `explained`. Files of older fits lack some. */
interface PartFacts {
  readonly explained: number;
  readonly byLayer: Readonly<Record<string, readonly number[]>>;
}

/** What is told by layer, with its title. */
const BY_LAYER = {
  norms: "norm",
  halvesCosine: "halves cos",
  signalToNoise: "signal/noise",
  lengthCosine: "length cos",
};

/** Directions for people: one line per layer. */
export function directionsSummary({
  modelHash,
  image,
  text,
  subspace,
  facts,
}: SteeringDirections): string {
  if (subspace !== undefined) return subspaceSummary(subspace, { modelHash, facts });
  const parts = { image: partFacts(facts.image), text: partFacts(facts.text) };
  const columns = Object.entries(parts).flatMap(([part, found]) =>
    Object.entries(BY_LAYER).flatMap(([name, title]) => {
      const values = found?.byLayer[name];
      return values === undefined ? [] : [{ title: `${part} ${title}`, values }];
    }),
  );
  const layers = Math.max(image?.layers ?? 0, text?.layers ?? 0);
  const rows = Array.from({ length: layers }, (_, i) => [
    String(i),
    ...columns.map(({ values }) => values[i]?.toFixed(3) ?? ""),
  ]);
  const percent = (part: PartFacts | undefined): string =>
    part === undefined ? "none" : `${(100 * part.explained).toFixed(1)}%`;
  const lines = [
    ...fitLines({ modelHash, facts }),
    `image: ${shapeOf(image)}, variance explained ${percent(parts.image)}`,
    `text: ${shapeOf(text)}, variance explained ${percent(parts.text)}`,
  ];
  return [
    ...lines.map((line) => wrapText(line, "  ")),
    textTable([["layer", ...columns.map(({ title }) => title)], ...rows], process.stdout.columns),
  ].join("\n");
}

function fitLines({ modelHash, facts }: Pick<SteeringDirections, "modelHash" | "facts">): string[] {
  return [
    `model ${factText(facts.model)}${adapterText(facts)}, hash ${modelHash.slice(0, 12)}, ${factText(facts.demonstrations)} demonstrations`,
    `settings ${factText(facts.settings)}`,
  ];
}

/** A subspace for people: one line per layer. */
function subspaceSummary(
  { layers, rank, width }: NonNullable<SteeringDirections["subspace"]>,
  fit: Pick<SteeringDirections, "modelHash" | "facts">,
): string {
  const found = fit.facts.subspace as { readonly explained?: JsonValue } | undefined;
  const shares = isNumbers(found?.explained) ? found.explained : [];
  const rows = Array.from({ length: layers }, (_, i) => [
    String(i),
    shares[i] === undefined ? "" : `${(100 * shares[i]).toFixed(1)}%`,
  ]);
  const lines = [...fitLines(fit), `subspace: ${layers} layers x ${rank} vectors x ${width}`];
  return [
    ...lines.map((line) => wrapText(line, "  ")),
    textTable([["layer", "share of the differences"], ...rows], process.stdout.columns),
  ].join("\n");
}

function shapeOf(part: SteeringDirections["image"]): string {
  if (part === undefined) return "none";
  return `${part.layers} layers x ${part.positions} positions x ${part.width}`;
}

function adapterText({ model, adapter }: SteeringDirections["facts"]): string {
  return adapter === undefined || adapter === model ? "" : ` with adapter ${factText(adapter)}`;
}

function factText(value: JsonValue | undefined): string {
  if (value === undefined) return "not told";
  // With blanks, between which a line can be broken.
  return typeof value === "string"
    ? value
    : JSON.stringify(value, null, 1).replaceAll(/\n */g, " ");
}

/** What a file tells of a part, undefined where it is not what a fit writes. */
function partFacts(facts: JsonValue | undefined): PartFacts | undefined {
  if (typeof facts !== "object" || facts === null || Array.isArray(facts)) return undefined;
  const { explained, ...others } = facts as Readonly<Record<string, JsonValue>>;
  const byLayer: Record<string, readonly number[]> = {};
  for (const name of Object.keys(BY_LAYER)) {
    const values = others[name];
    if (isNumbers(values)) byLayer[name] = values;
  }
  const isFit = typeof explained === "number" && "norms" in byLayer && "halvesCosine" in byLayer;
  return isFit ? { explained, byLayer } : undefined;
}

function isNumbers(value: JsonValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}
