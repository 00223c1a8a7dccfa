import type { Tensor } from "onnxruntime-common";
import type { ActiveEdit } from "../../engine/method.js";
import type { StepOutputs } from "../../engine/step.js";
import type { EditedRow, EditInput, GraphEdit } from "../../onnx/edits/graph-edit.js";
import { float32 } from "./float-tensors.js";
import type { Runtime, Session, Tensors } from "./runtime.js";

/** One run of a graph, as its edits see it. */
export interface FedRun {
  readonly rows: readonly (Omit<EditedRow, "strength" | "values"> & Pick<EditSet, "active">)[];
  readonly steps: number;
  readonly columns: number;
}

/** The inputs that edits add to a run; none without edits. */
export function editFeeds(
  runtime: Runtime,
  session: Session,
  edits: readonly GraphEdit[],
  run: FedRun,
): Tensors {
  const inputShape = (name: string) => {
    const input = session.inputMetadata.find((one) => one.name === name);
    return input?.isTensor === true ? input.shape : undefined;
  };
  const feeds: Tensors = {};
  edits.forEach((edit, i) => {
    const rows = run.rows.map((row) => editedRow(row, i));
    const inputs = edit.feeds({ ...run, rows, inputShape });
    for (const [name, input] of Object.entries(inputs)) feeds[name] = asTensor(runtime, input);
  });
  return feeds;
}

function editedRow({ active, ...row }: FedRun["rows"][number], edit: number): EditedRow {
  const { strength, values } = active[edit]!;
  return { ...row, strength, values };
}

/** What edits read out of one row of a run. */
export function editReadings(
  outputs: Tensors,
  edits: readonly GraphEdit[],
  { rows, columns }: FedRun,
  row: number,
): Pick<StepOutputs, "readings"> {
  const readings = edits.flatMap((edit, i) =>
    (edit.outputs ?? []).map((name): [string, Float32Array] => {
      const output = outputs[name]!;
      const size = output.size / output.dims[0]!;
      const numbers = float32(output, `the decoder's ${name}`, row * size, (row + 1) * size);
      const own = edit.reading?.(name, numbers, editedRow(rows[row]!, i), columns);
      return [name, own ?? numbers];
    }),
  );
  return readings.length === 0 ? {} : { readings: Object.fromEntries(readings) };
}

/** Numbers as a tensor of the type that their array says. */
export function asTensor({ Tensor }: Runtime, { data, dims }: EditInput): Tensor {
  if (data instanceof Float32Array) return new Tensor("float32", data, dims);
  if (data instanceof BigInt64Array) return new Tensor("int64", data, dims);
  return new Tensor("bool", data, dims);
}

/** Which edits hold, and how strongly, in an order and under a name that are the same for equal sets. */
export interface EditSet {
  readonly edits: readonly GraphEdit[];
  /** One per edit. */
  readonly active: readonly Pick<ActiveEdit, "strength" | "values">[];
  /** Names the edits alone, and with their strengths and values. */
  readonly editsKey: string;
  readonly key: string;
}

const NUMBERS = new WeakMap<GraphEdit | Float32Array, number>();
let numbered = 0;

/** The active edits of one graph; a strength of 0 is no edit. */
export function editSet(
  active: readonly ActiveEdit[] | undefined,
  graph: "vision" | "decoder",
): EditSet {
  const own = (active ?? [])
    .filter(({ edit, strength }) => edit.graph === graph && strength !== 0)
    .map((one) => ({ ...one, number: numberOf(one.edit) }))
    .sort((a, b) => a.number - b.number);
  return {
    edits: own.map(({ edit }) => edit),
    active: own,
    editsKey: own.map(({ number }) => number).join(),
    key: own
      .map(({ number, strength, values }) =>
        values === undefined
          ? `${number}:${strength}`
          : `${number}:${strength}:${numberOf(values)}`,
      )
      .join(),
  };
}

function numberOf(one: GraphEdit | Float32Array): number {
  const known = NUMBERS.get(one) ?? ++numbered;
  NUMBERS.set(one, known);
  return known;
}
