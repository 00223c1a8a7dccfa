import { DatasetError } from "../../errors.js";
import type { YesNoTokens } from "../../objects/yes-no-tokens.js";
import type { SeriesSettings } from "./series.js";
import { seriesDifferences } from "./series-differences.js";
import type { SplitPart, TunedMark } from "./tuned.js";

/** One benchmark file of a run. */
export interface SetSettings {
  /** Name within the run, from the file: `pope_random`. */
  readonly name: string;
  readonly benchmark: string;
  readonly rule: string;
  /** SHA-256 of the question file, hex. */
  readonly data: string;
  /** SHA-256 of the truth file where there is one. */
  readonly truth: string | null;
  /** Number of questions asked. */
  readonly questions: number;
  /** Of a benchmark of one's own: SHA-256 of the ids, images and prompts, which its code makes of the file. */
  readonly asked?: string;
  /** Which of the benchmark's prompts was asked; absent for its first or only one. */
  readonly promptVariant?: string;
  /** Only questions about the first so many images were asked; absent when all were. */
  readonly firstImages?: number;
  /** The part of the file that was asked; absent for all of it. */
  readonly split?: SplitPart;
  readonly maxTokens: number;
}

/** A checkpoint that answered. */
export interface AnsweringCheckpoint {
  readonly id: string;
  /** SHA-256 over graphs, weights and adapter. */
  readonly hash: string;
  readonly dtype: string;
  /** The adapter that was merged into its weights; absent for a checkpoint as it is. */
  readonly adapter?: string;
  /** What its graphs ran on besides the CPU; absent where they ran on the CPU alone. */
  readonly device?: string;
}

/** A model behind a server that answered. */
export interface AnsweringEndpoint {
  /** Its name there. */
  readonly id: string;
  /** Base URL of the server, without its query. */
  readonly endpoint: string;
}

/** Everything that decides what a run's answers are. Written once; a resumed run must have the same. */
export interface RunSettings {
  /** Version of this package. */
  readonly version: string;
  /** A checkpoint, with the fields of {@link AnsweringCheckpoint}, or a server, with those of {@link AnsweringEndpoint}. */
  readonly model: { readonly id: string } & Partial<AnsweringCheckpoint & AnsweringEndpoint>;
  /** Appended to every prompt; empty for none. */
  readonly promptSuffix: string;
  readonly temperature: number;
  readonly topP: number;
  /** Ids of the tokens that count as yes and no in the margins of answers; absent where no set asks for yes or no. */
  readonly yesNoTokens?: YesNoTokens;
  readonly sets: readonly SetSettings[];
  readonly series: readonly SeriesSettings[];
  /** How settings were chosen, by the method's name within the run; absent where none was tuned. */
  readonly tuned?: Readonly<Record<string, TunedMark>>;
}

/**
 * Refuses to go on with a run under other settings.
 *
 * @throws DatasetError naming each setting that differs, with both values
 */
export function requireSameSettings(stored: unknown, wanted: RunSettings, folder: string): void {
  const differences = readableDifferences(stored, wanted, folder);
  if (differences.length === 0) return;
  const shown = differences.slice(0, 5).join("; ");
  const more = differences.length > 5 ? `; and ${differences.length - 5} more` : "";
  throw new DatasetError(
    `${folder} holds a run with other settings: ${shown}${more}. ` +
      "Use the same settings to go on with it, or another --out",
  );
}

function readableDifferences(stored: unknown, wanted: RunSettings, folder: string): string[] {
  try {
    if (!isRecord(stored)) return differencesOf(stored, wanted, "");
    const { series, ...others } = stored;
    const { series: asked, ...rest } = wanted;
    const found = seriesDifferences(series, asked);
    if (found === null) return differencesOf(stored, wanted, "");
    const before = series as SeriesSettings[];
    const names = new Set(before.map(({ method }) => method));
    const common = new Set(asked.flatMap(({ method }) => (names.has(method) ? [method] : [])));
    return [
      ...differencesOf(others, rest, ""),
      ...found,
      ...differencesOf(settingsOf(before, common), settingsOf(asked, common), ""),
    ];
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new DatasetError(`${folder}: its settings are nested without end; restore them`, {
      cause,
    });
  }
}

/** The settings of some methods of a run. */
function settingsOf(
  series: readonly SeriesSettings[],
  names: ReadonlySet<string>,
): Readonly<Record<string, unknown>> {
  const chosen = series.filter(({ method }) => names.has(method));
  return Object.fromEntries(chosen.map(({ method, settings }) => [method, settings]));
}

/** What differs between two values, field by field, as `path was ..., is ...`. */
export function differencesOf(stored: unknown, wanted: unknown, path: string): string[] {
  if (isRecord(stored) && isRecord(wanted)) {
    const keys = [...new Set([...Object.keys(stored), ...Object.keys(wanted)])];
    return keys.flatMap((key) =>
      differencesOf(stored[key], wanted[key], path === "" ? key : `${path}.${key}`),
    );
  }
  const [before, now] = [stored, wanted].map((value) => JSON.stringify(value) ?? "nothing");
  return before === now ? [] : [`${path} was ${before}, is ${now}`];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
