import { InvalidArgumentError } from "../../errors.js";
import type { Method } from "../../index.js";
import type { Series, SeriesSettings } from "../store/run-settings.js";

/** Which methods answer, and how. */
export interface SeriesRequest {
  /** By the name they have in the run; only the names matter here. */
  readonly methods: ReadonlyMap<string, unknown>;
  readonly greedy: boolean;
  /** Number of sampling seeds; 0 for none. */
  readonly seeds: number;
}

/**
 * The series of a run: every method greedily and under each seed 0, 1, ...; and `regular` decoded
 * greedily as the baseline when the run would otherwise only sample.
 *
 * @throws InvalidArgumentError when nothing would be run
 */
export function planSeries({ methods, greedy, seeds }: SeriesRequest): Series[] {
  if (methods.size === 0) throw new InvalidArgumentError("methods: expected at least one");
  if (!greedy && seeds === 0) {
    throw new InvalidArgumentError("nothing to run: ask for --greedy or --seeds");
  }
  const drawn = Array.from({ length: seeds }, (_, seed) => seed);
  return [...methods.keys()].flatMap((method) => {
    const own = greedy || method === "regular" ? [null, ...drawn] : drawn;
    return own.map((seed) => ({ method, seed }));
  });
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
  return series.map(({ method, seed }) => {
    const { settings } = methodOf(methods, method);
    return { method, settings, seed };
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
