import { differencesOf, type RunSettings, type SetSettings } from "../store/run-settings.js";
import type { SeriesSettings } from "../store/series.js";

/** Settings in which two runs may be meant to differ. */
export const ACROSS = [
  "checkpoint",
  "device",
  "version",
  "decoding",
  "prompt",
  "rules",
  "methods",
] as const;

/** One of {@link ACROSS}. */
export type Across = (typeof ACROSS)[number];

/** Something in which two runs differ; other questions are never meant. */
export interface RunDifference {
  readonly setting: Across | "questions";
  /** With both values: `temperature was 1, is 0.5`. */
  readonly text: string;
}

/** A set of both runs. */
export type SetPair = readonly [first: SetSettings, second: SetSettings];

/**
 * The sets that two runs have both: those of one name, and of the others those of the same files, since a set may be
 * named by the way in which its questions are put.
 */
export function pairSets(first: RunSettings, second: RunSettings): SetPair[] {
  const names = new Set(first.sets.map(({ name }) => name));
  const others = new Set(second.sets.filter(({ name }) => !names.has(name)));
  return first.sets.flatMap((set): SetPair[] => {
    const found =
      second.sets.find(({ name }) => name === set.name) ??
      [...others].find((one) => filesOf(one) === filesOf(set));
    if (found === undefined) return [];
    others.delete(found);
    return [[set, found]];
  });
}

function filesOf({ benchmark, data, truth }: SetSettings): string {
  return JSON.stringify([benchmark, data, truth]);
}

/** All differences between two runs that have to do with what both answered. */
export function runDifferences(
  first: RunSettings,
  second: RunSettings,
  pairs: readonly SetPair[],
): RunDifference[] {
  const of = (setting: RunDifference["setting"], texts: readonly string[]): RunDifference[] =>
    [...new Set(texts)].map((text) => ({ setting, text }));
  const compared = (name: string, choose: (settings: RunSettings) => unknown) =>
    differencesOf(choose(first), choose(second), name);
  const ofSets = (choose: (set: SetSettings, other: SetSettings) => unknown) =>
    pairs.flatMap(([a, b]) => differencesOf(choose(a, b), choose(b, a), `sets.${a.name}`));
  const series = seriesInBoth(first.series, second.series);
  // A checkpoint is its hash: two folders may hold the same one. A server is its address and the model's name there.
  const { hash } = first.model;
  const isSameModel = hash !== undefined && hash === second.model.hash;
  return [
    ...of(
      "checkpoint",
      isSameModel ? [] : compared("model", ({ model: { device: _, ...model } }) => model),
    ),
    ...of(
      "device",
      compared("model.device", ({ model }) => model.device),
    ),
    ...of(
      "version",
      compared("version", ({ version }) => version),
    ),
    ...of("decoding", [
      ...compared("temperature", ({ temperature }) => temperature),
      ...compared("topP", ({ topP }) => topP),
      ...ofSets(({ maxTokens }) => ({ maxTokens })),
      ...series.flatMap(({ method, decoding, all: [a, b] }) =>
        differencesOf(drawsOf(a), drawsOf(b), `draws of ${method} (${decoding})`),
      ),
    ]),
    ...of("prompt", [
      ...compared("promptSuffix", ({ promptSuffix }) => promptSuffix),
      ...ofSets(({ promptVariant }) => ({ promptVariant })),
    ]),
    ...of(
      "rules",
      ofSets(({ rule }) => ({ rule })),
    ),
    ...of(
      "methods",
      series.flatMap(({ method, all: [a, b] }) =>
        differencesOf(a[0]?.settings, b[0]?.settings, `methods.${method}`),
      ),
    ),
    ...of("questions", ofSets(questionsOf)),
  ];
}

/** What tells the questions of a set; of a benchmark of one's own their texts too, where they are put in one way. */
function questionsOf(set: SetSettings, other: SetSettings): unknown {
  const { benchmark, data, truth, questions, firstImages, split, asked, promptVariant } = set;
  const files = { benchmark, data, truth, questions, firstImages, split };
  return promptVariant === other.promptVariant ? { ...files, asked } : files;
}

/** The series of methods that both runs decoded in the same way. */
function seriesInBoth(first: readonly SeriesSettings[], second: readonly SeriesSettings[]) {
  const methods = new Set(first.map(({ method }) => method));
  return [...methods].flatMap((method) =>
    (["greedy", "sampling"] as const).flatMap((decoding) => {
      const own = (series: readonly SeriesSettings[]) =>
        series.filter(
          (one) => one.method === method && (one.seed === null) === (decoding === "greedy"),
        );
      const all = [own(first), own(second)] as const;
      return all.some((one) => one.length === 0) ? [] : [{ method, decoding, all }];
    }),
  );
}

/** The seeds, or draws of noise, that a method answered under. */
function drawsOf(series: readonly SeriesSettings[]): string {
  return series
    .map(({ seed, draw = 0 }) => (seed === null ? `noise ${draw}` : `seed ${seed}`))
    .join(", ");
}
