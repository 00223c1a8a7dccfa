import type { JsonValue } from "../../index.js";

/** One way of answering: a method under greedy decoding or one sampling seed. */
export interface Series {
  /** The method's name within the run. */
  readonly method: string;
  /** Null for greedy decoding. */
  readonly seed: number | null;
  /** Greedy answers of a method that draws noise: which draw, from 1 on; absent for the first one, 0. */
  readonly draw?: number;
}

/** A series with the settings of its method, as they are stored. */
export interface SeriesSettings extends Series {
  readonly settings: Readonly<Record<string, JsonValue>>;
}
