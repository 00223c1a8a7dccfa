import type { Series, SeriesSettings } from "./series.js";

/** What the series of a run come to, in the order in which they were planned. */
interface Plan {
  readonly methods: readonly string[];
  readonly greedy: readonly string[];
  readonly seeds: readonly number[];
  readonly noiseDraws: number;
}

/**
 * How the series of two runs differ, in the words of who planned them: methods, greedy decoding, seeds and draws of noise.
 * Settings of methods are not looked at.
 *
 * @returns null where what is stored is no list of series
 */
export function seriesDifferences(
  stored: unknown,
  wanted: readonly SeriesSettings[],
): string[] | null {
  if (!isSeriesList(stored)) return null;
  const [before, now] = [planOf(stored), planOf(wanted)];
  const differ = (name: string, a: readonly unknown[], b: readonly unknown[]): string[] => {
    const [was, is] = [a, b].map((values) => values.join(", ") || "none");
    return was === is ? [] : [`${name} were ${was}, are ${is}`];
  };
  const draws =
    before.noiseDraws === now.noiseDraws
      ? []
      : [
          `noise draws were ${before.noiseDraws}, are ${now.noiseDraws} ` +
            `(--noise-draws ${before.noiseDraws} goes on with it)`,
        ];
  const found = [
    ...differ("methods", before.methods, now.methods),
    ...draws,
    ...differ("seeds", before.seeds, now.seeds),
    ...(before.methods.join() === now.methods.join()
      ? differ("greedily decoded methods", before.greedy, now.greedy)
      : []),
  ];
  // The order of the series is that of the stored answers.
  const isSame = JSON.stringify(stored.map(keyOf)) === JSON.stringify(wanted.map(keyOf));
  return isSame || found.length > 0 ? found : ["the order of the series is another one"];
}

function planOf(series: readonly Series[]): Plan {
  const greedy = series.filter(({ seed, draw }) => seed === null && draw === undefined);
  return {
    methods: [...new Set(series.map(({ method }) => method))],
    greedy: greedy.map(({ method }) => method),
    seeds: [...new Set(series.flatMap(({ seed }) => seed ?? []))],
    noiseDraws: 1 + series.reduce((most, { draw = 0 }) => Math.max(most, draw), 0),
  };
}

function keyOf({ method, seed, draw }: Series): unknown[] {
  return [method, seed, draw];
}

function isSeriesList(value: unknown): value is SeriesSettings[] {
  return Array.isArray(value) && value.every((one) => typeof one?.method === "string");
}
