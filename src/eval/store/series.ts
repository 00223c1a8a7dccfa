import type { JsonValue } from "../../index.js";
import type { BenchmarkKind } from "../contract/benchmark.js";

/** One way of answering: a method under greedy decoding or one sampling seed. */
export interface Series {
  /** The method's name within the run. */
  readonly method: string;
  /** Null for greedy decoding. */
  readonly seed: number | null;
  /** Greedy answers of a method that draws noise: which draw, from 1 on; absent for the first one, 0. */
  readonly draw?: number;
  /** The only kind of benchmark whose questions it answers; absent where it answers all. */
  readonly kind?: BenchmarkKind;
}

/** Those series that answer the questions of a benchmark of this kind. */
export function seriesOf<T extends Series>(
  { kind = "open" }: { readonly kind?: BenchmarkKind | undefined },
  series: readonly T[],
): T[] {
  return series.filter((one) => one.kind === undefined || one.kind === kind);
}

/** A series with the settings of its method, as they are stored. */
export interface SeriesSettings extends Series {
  readonly settings: Readonly<Record<string, JsonValue>>;
}
