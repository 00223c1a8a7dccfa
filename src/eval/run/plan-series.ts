import { InvalidArgumentError } from "../../errors.js";
import type { Method } from "../../index.js";
import type { Series, SeriesSettings } from "../store/series.js";

/** Which methods answer, and how. */
export interface SeriesRequest {
  /** By the name they have in the run; only names matter here, and which methods are `seeded`. */
  readonly methods: ReadonlyMap<string, unknown>;
  readonly greedy: boolean;
  /** Number of sampling seeds, at most 1,000; 0 for none. */
  readonly seeds: number;
  /**
   * Draws of noise of the greedy answers of methods that draw some (`Method.seeded`), 1 to 1,000; 3 by default. Of one
   * draw alone nobody can say how much of a figure was luck.
   */
  readonly noiseDraws?: number;
}

/**
 * The series of a run: every method greedily, `noiseDraws` times where it draws noise, and under each seed 0, 1, ...;
 * and `regular` decoded greedily as the baseline when the run would otherwise only sample.
 *
 * @throws InvalidArgumentError when nothing would be run, or more than a run can be
 */
export function planSeries({ methods, greedy, seeds, noiseDraws = 3 }: SeriesRequest): Series[] {
  if (methods.size === 0) throw new InvalidArgumentError("methods: expected at least one");
  if (!greedy && seeds === 0) {
    throw new InvalidArgumentError("nothing to run: ask for --greedy or --seeds");
  }
  requireCount("seeds", seeds, 0);
  requireCount("noise draws", noiseDraws, 1);
  return [...methods].flatMap(([name, method]) => [
    ...(greedy || name === "regular" ? greedySeries(name, isSeeded(method) ? noiseDraws : 1) : []),
    ...Array.from({ length: seeds }, (_, seed) => ({ method: name, seed })),
  ]);
}

/** Every seed or draw asks every question once more. */
const MOST = 1000;

function requireCount(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value <= MOST) return;
  throw new InvalidArgumentError(
    `${name}: received ${value}; expected an integer from ${least} to ${MOST}`,
  );
}

function greedySeries(method: string, draws: number): Series[] {
  const further = Array.from({ length: draws - 1 }, (_, i) => ({
    method,
    seed: null,
    draw: i + 1,
  }));
  return [{ method, seed: null }, ...further];
}

function isSeeded(method: unknown): boolean {
  return (method as Partial<Method> | null | undefined)?.seeded === true;
}

/**
 * The series with the settings of their methods.
 *
 * @throws InvalidArgumentError for a series whose method is not among `methods`
 */
export function seriesSettings(
  series: readonly Series[],
  methods: ReadonlyMap<string, Method>,
): SeriesSettings[] {
  return series.map(({ method, ...how }) => {
    const { settings } = methodOf(methods, method);
    return { method, settings, ...how };
  });
}

/**
 * The method of a name within a run.
 *
 * @throws InvalidArgumentError naming the methods there are
 */
export function methodOf(methods: ReadonlyMap<string, Method>, name: string): Method {
  const method = methods.get(name);
  if (method !== undefined) return method;
  const known = [...methods.keys()].join(", ") || "no method";
  throw new InvalidArgumentError(`series: received method ${name}; the run has ${known}`);
}
