import type { OnnxModel } from "../graph-model.js";

/** Where in the order of edits one belongs: attention is rewritten first, then read-outs are added, then the residual stream is changed. */
export type EditStage = "attention" | "output" | "residual";

/** Numbers fed to a graph; the element type follows the array: float32, int64, uint8 as bool. */
export interface EditInput {
  readonly data: Float32Array | BigInt64Array | Uint8Array;
  readonly dims: readonly number[];
}

/** What an edit may know of one row of a run. */
export interface EditedRow {
  readonly strength: number;
  /** The stream's own numbers, where its active edit gives some. */
  readonly values?: Float32Array | undefined;
  /** Tokens that the row's context holds before this run (0 for vision graphs). */
  readonly pastLength: number;
  /** New tokens of the row; where rows differ, they are the last of the run's S, behind padding (0 for vision graphs). */
  readonly newLength: number;
  /** Column of attention that its first new token has; its past has those from 0 on (0 for vision graphs). */
  readonly newColumn: number;
  /** Spans of image tokens in the whole context, first inclusive, end exclusive; empty for vision graphs. */
  readonly images: readonly { readonly start: number; readonly end: number }[];
  /** Tokens of the context's prompt, of which this run may hold a part: the answer begins behind them (0 for vision graphs). */
  readonly promptLength: number;
}

/** What an edit may know of a run that it feeds. */
export interface EditedRun {
  readonly rows: readonly EditedRow[];
  /** New tokens of the run, S, and columns of attention, T: all keys that a query meets, masked ones too (0 for vision graphs). */
  readonly steps: number;
  readonly columns: number;
  /** The patched session's declared inputs: name and shape (number or symbol per axis). */
  readonly inputShape: (name: string) => readonly (number | string)[] | undefined;
}

/** Some of a model's layers, whatever its depth. Immutable; equal texts choose equal layers. */
export interface LayerRange {
  readonly text: string;
  /**
   * The chosen layers, counted from 0, of a model that has L of them; ascending, at least one.
   *
   * @throws InvalidArgumentError when the model has fewer layers
   */
  layers(depth: number): readonly number[];
  /**
   * The chosen early exits of a model that has L layers: 0 is before the first layer, N behind N layers, as hidden states
   * are numbered, and L, where the model's own logits are, is none. Ascending, at least one.
   *
   * @throws InvalidArgumentError when the model has fewer layers
   */
  exits(depth: number): readonly number[];
}

/** A change of a stock graph that streams may switch on, each with a strength of its own. Immutable. */
export interface GraphEdit {
  /** Edits of equal key (and graph) make equal graphs, so that one session serves them all; shapes that `apply` depends on are part of it. */
  readonly key: string;
  readonly graph: "vision" | "decoder";
  readonly stage: EditStage;
  /**
   * @param model not touched
   * @throws UnsupportedCapabilityError naming what was looked for; ShapeError when the edit does not fit the graph
   */
  apply(model: OnnxModel): OnnxModel;
  /** Feeds of the inputs that `apply` added. */
  feeds(run: EditedRun): Readonly<Record<string, EditInput>>;
  /**
   * True where it changes the rows of a prompt's last token and not those that the same token has inside a longer prompt:
   * such a prompt is not kept as a beginning of longer ones.
   */
  readonly endsPrompt?: true;
  /** Outputs that `apply` added, each (B, ...) float32; a method gets a row's numbers by name. */
  readonly outputs?: readonly string[];
  /** What a method gets of a row's numbers, of an output that has one for each column of attention; all where left out. */
  reading?(output: string, numbers: Float32Array, row: EditedRow, columns: number): Float32Array;
}

/** The column of attention that a token of a row's context has. */
export function columnOf({ pastLength, newColumn }: EditedRow, token: number): number {
  return token < pastLength ? token : newColumn + token - pastLength;
}

/** The columns of attention that a row's image tokens have, as far as it holds them. */
export function imageColumns(row: EditedRow): number[] {
  const length = row.pastLength + row.newLength;
  return row.images.flatMap(({ start, end }) =>
    Array.from({ length: Math.max(Math.min(end, length) - start, 0) }, (_, i) =>
      columnOf(row, start + i),
    ),
  );
}
