/**
 * Nodes that select the rows just added from a whole present tensor [B, H, T, D], for fused attention operators
 * whose present output cannot be avoided. The rows are picked inside the graph, so only S of them leave it.
 */
import { makeNode, makeTensor } from "../build.js";
import { positionAxis } from "../fused-attention.js";
import type { OnnxNode, OnnxTensor, OnnxValueInfo } from "../graph-model.js";

/** Makes nodes that select new rows; shared nodes and constants are emitted once for all layers. */
export interface RowSelector {
  select(present: string, output: string, info: OnnxValueInfo): OnnxNode[];
  shared(): OnnxNode[];
  constants(): OnnxTensor[];
}

/** The last S rows of present, S being the number of query positions. */
export class LastRows implements RowSelector {
  readonly #query: string;
  readonly #axis: number;

  constructor(attention: OnnxNode) {
    this.#query = attention.inputs[0] ?? "";
    this.#axis = positionAxis(attention);
  }

  select(present: string, output: string): OnnxNode[] {
    return [
      makeNode("Slice", [present, "new_rows/start", "new_rows/end", "new_rows/axis"], [output]),
    ];
  }

  shared(): OnnxNode[] {
    return [
      makeNode("Shape", [this.#query], ["new_rows/query_shape"]),
      makeNode("Gather", ["new_rows/query_shape", "new_rows/positions"], ["new_rows/count"]),
      makeNode("Neg", ["new_rows/count"], ["new_rows/start"]),
    ];
  }

  constants(): OnnxTensor[] {
    return [
      makeTensor("new_rows/positions", [1], BigInt64Array.of(BigInt(this.#axis))),
      makeTensor("new_rows/end", [1], BigInt64Array.of(2n ** 62n)),
      makeTensor("new_rows/axis", [1], BigInt64Array.of(2n)),
    ];
  }
}

/**
 * The rows that GroupQueryAttention has added to each stream.
 *
 * Stream b holds n_b = seqlens_k[b] + 1 rows after the step, so its new ones are n_b - S .. n_b - 1; in a first pass
 * (total length T = S) every stream starts at row 0, whatever its padding on the right.
 * index[b, s] = (T = S ? 0 : max(seqlens_k[b] + 1 - S, 0)) + s, then GatherElements along axis 2.
 */
export class CountedRows implements RowSelector {
  readonly #attention: OnnxNode;
  readonly #expanded = new Map<string, OnnxNode>();
  readonly #shapes = new Map<string, OnnxTensor>();

  constructor(attention: OnnxNode) {
    this.#attention = attention;
  }

  select(present: string, output: string, info: OnnxValueInfo): OnnxNode[] {
    const heads = info.dims?.[1];
    const width = info.dims?.[3];
    if (typeof heads === "number" && typeof width === "number") {
      const index = this.#expandOnce(heads, width);
      return [makeNode("GatherElements", [present, index], [output], { attributes: { axis: 2 } })];
    }
    const ones = `${output}/ones`;
    return [
      makeNode(
        "Slice",
        [present, "new_rows/zero", "new_rows/one", "new_rows/two"],
        [`${output}/row`],
      ),
      makeNode("Shape", [`${output}/row`], [ones]),
      makeNode("Expand", ["new_rows/index", ones], [`${output}/index`]),
      makeNode("GatherElements", [present, `${output}/index`], [output], {
        attributes: { axis: 2 },
      }),
    ];
  }

  #expandOnce(heads: number, width: number): string {
    const index = `new_rows/index_${heads}x${width}`;
    const shape = `${index}/shape`;
    this.#shapes.set(
      shape,
      makeTensor(shape, [4], BigInt64Array.of(1n, BigInt(heads), 1n, BigInt(width))),
    );
    this.#expanded.set(index, makeNode("Expand", ["new_rows/index", shape], [index]));
    return index;
  }

  shared(): OnnxNode[] {
    const query = this.#attention.inputs[0] ?? "";
    const lastRow = this.#attention.inputs[5] ?? "";
    const total = this.#attention.inputs[6] ?? "";
    const int64 = { attributes: { to: 7 } };
    return [
      makeNode("Shape", [query], ["new_rows/query_shape"]),
      makeNode("Gather", ["new_rows/query_shape", "new_rows/at_one"], ["new_rows/count"]),
      makeNode("Cast", [total], ["new_rows/total_as_given"], int64),
      makeNode("Reshape", ["new_rows/total_as_given", "new_rows/scalar"], ["new_rows/total"]),
      makeNode("Equal", ["new_rows/total", "new_rows/count"], ["new_rows/is_first"]),
      makeNode("Cast", [lastRow], ["new_rows/last_as_given"], int64),
      makeNode("Reshape", ["new_rows/last_as_given", "new_rows/column"], ["new_rows/last"]),
      makeNode("Sub", ["new_rows/last", "new_rows/count"], ["new_rows/before_start"]),
      makeNode("Add", ["new_rows/before_start", "new_rows/at_one"], ["new_rows/start"]),
      makeNode("Max", ["new_rows/start", "new_rows/at_zero"], ["new_rows/start_in_range"]),
      makeNode(
        "Where",
        ["new_rows/is_first", "new_rows/at_zero", "new_rows/start_in_range"],
        ["new_rows/first_row"],
      ),
      makeNode(
        "Range",
        ["new_rows/at_zero", "new_rows/count", "new_rows/at_one"],
        ["new_rows/offsets"],
      ),
      makeNode("Add", ["new_rows/first_row", "new_rows/offsets"], ["new_rows/index_2d"]),
      makeNode("Reshape", ["new_rows/index_2d", "new_rows/index_shape"], ["new_rows/index"]),
      ...this.#expanded.values(),
    ];
  }

  constants(): OnnxTensor[] {
    return [
      makeTensor("new_rows/at_zero", [], BigInt64Array.of(0n)),
      makeTensor("new_rows/at_one", [], BigInt64Array.of(1n)),
      makeTensor("new_rows/zero", [1], BigInt64Array.of(0n)),
      makeTensor("new_rows/one", [1], BigInt64Array.of(1n)),
      makeTensor("new_rows/two", [1], BigInt64Array.of(2n)),
      makeTensor("new_rows/scalar", [0], new BigInt64Array(0)),
      makeTensor("new_rows/column", [2], BigInt64Array.of(-1n, 1n)),
      makeTensor("new_rows/index_shape", [4], BigInt64Array.of(0n, 1n, -1n, 1n)),
      ...this.#shapes.values(),
    ];
  }
}
