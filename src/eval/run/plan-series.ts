import { InvalidArgumentError } from "../../errors.js";
import type { RunMethod } from "./run-method.js";
import type { SeriesSettings } from "./run-settings.js";

/** Which methods answer, and how. */
export interface SeriesRequest {
  /** By the name they have in the run. */
  readonly methods: ReadonlyMap<string, Pick<RunMethod, "settings">>;
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
export function planSeries({ methods, greedy, seeds }: SeriesRequest): SeriesSettings[] {
  if (methods.size === 0) throw new InvalidArgumentError("methods: expected at least one");
  if (!greedy && seeds === 0) {
    throw new InvalidArgumentError("nothing to run: ask for --greedy or --seeds");
  }
  const drawn = Array.from({ length: seeds }, (_, seed) => seed);
  return [...methods].flatMap(([name, { settings }]) => {
    const own = greedy || name === "regular" ? [null, ...drawn] : drawn;
    return own.map((seed) => ({ method: name, settings, seed }));
  });
}
