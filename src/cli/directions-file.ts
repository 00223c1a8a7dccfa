import { readFile } from "node:fs/promises";
import { textTable } from "../eval/index.js";
import {
  DatasetError,
  decodeDirections,
  type JsonValue,
  type SteeringDirections,
} from "../index.js";

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

/** What was found about the directions of one part. */
interface PartFacts {
  readonly explained: number;
  readonly norms: readonly number[];
  readonly halvesCosine: readonly number[];
}

/** Directions for people: one line per layer. */
export function directionsSummary({ modelHash, image, text, facts }: SteeringDirections): string {
  const [seen, read] = [partFacts(facts.image), partFacts(facts.text)];
  const layers = Math.max(image?.layers ?? 0, text?.layers ?? 0);
  const cell = (values: readonly number[] | undefined, i: number): string =>
    values?.[i]?.toFixed(3) ?? "";
  const rows = Array.from({ length: layers }, (_, i) => [
    String(i),
    cell(seen?.norms, i),
    cell(seen?.halvesCosine, i),
    cell(read?.norms, i),
    cell(read?.halvesCosine, i),
  ]);
  const header = ["layer", "image norm", "halves cos", "text norm", "halves cos"];
  const percent = (part: PartFacts | undefined): string =>
    part === undefined ? "none" : `${(100 * part.explained).toFixed(1)}%`;
  return [
    `model ${factText(facts.model)}, hash ${modelHash.slice(0, 12)}, ${factText(facts.demonstrations)} demonstrations`,
    `settings ${factText(facts.settings)}`,
    `image: ${shapeOf(image)}, variance explained ${percent(seen)}`,
    `text: ${shapeOf(text)}, variance explained ${percent(read)}`,
    textTable([header, ...rows], process.stdout.columns),
  ].join("\n");
}

function shapeOf(part: SteeringDirections["image"]): string {
  if (part === undefined) return "none";
  return `${part.layers} layers x ${part.positions} positions x ${part.width}`;
}

function factText(value: JsonValue | undefined): string {
  if (value === undefined) return "not told";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What a file tells of a part, undefined where it is not what a fit writes. */
function partFacts(facts: JsonValue | undefined): PartFacts | undefined {
  if (typeof facts !== "object" || facts === null || Array.isArray(facts)) return undefined;
  const { explained, norms, halvesCosine } = facts as Readonly<Record<string, JsonValue>>;
  const isFit = typeof explained === "number" && isNumbers(norms) && isNumbers(halvesCosine);
  return isFit ? { explained, norms, halvesCosine } : undefined;
}

function isNumbers(value: JsonValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}
