import { InvalidArgumentError } from "../../errors.js";
import type { Benchmark } from "../contract/benchmark.js";
import type { SetSettings } from "../store/run-settings.js";

/**
 * The benchmark of a stored set.
 *
 * @param task function of `groundsight/eval` that takes a benchmark of one's own
 * @throws InvalidArgumentError when it is not among those given
 */
export function benchmarkOf(
  set: Pick<SetSettings, "name" | "benchmark">,
  benchmarks: readonly Benchmark[],
  where: string,
  task: string,
): Benchmark {
  const found = benchmarks.find(({ name }) => name === set.benchmark);
  if (found !== undefined) return found;
  const names = benchmarks.map(({ name }) => name).join(", ");
  throw new InvalidArgumentError(
    `${where}set ${set.name} is of benchmark ${set.benchmark}, which is not among ${names}; ` +
      `a benchmark of your own is given by --benchmark, or to ${task} of groundsight/eval`,
  );
}
