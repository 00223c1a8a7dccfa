/** Attention read and changed in graphs of every style, against softmax and sums in plain TypeScript. */
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { ShapeError, UnsupportedCapabilityError } from "../../../src/errors.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { layerRange } from "../../../src/methods/layer-range.js";
import { makeAttribute, makeNode, makeTensor, makeValueInfo } from "../../../src/onnx/build.js";
import { attentionEdit } from "../../../src/onnx/edits/attention.js";
import {
  type AttentionScores,
  attentionScoresEdit,
} from "../../../src/onnx/edits/attention-scores.js";
import type { EditedRow, GraphEdit } from "../../../src/onnx/edits/graph-edit.js";
import { imageAttentionEdit } from "../../../src/onnx/edits/image-attention.js";
import { applyEdits } from "../../../src/onnx/edits/pipeline.js";
import { changed, DataType, type OnnxModel, type OnnxNode } from "../../../src/onnx/graph-model.js";
import type { SyntheticAttention } from "../../../src/testing/synthetic/context.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import { embed, type Feeds, int64, openModel, upTo } from "../greedy-decoding.js";
import { RULES } from "./score-rules.js";
import { editFeeds, largestGap } from "./small-runs.js";

const [HEADS, SIZE, PAST] = [4, 16, 3];
const shape = { layers: 1, width: 64, heads: HEADS, feedForward: 96, vocabulary: 120 };
/** Tokens that two rows hold; the new token of the second one comes into its third column where rows are counted. */
const HELD = [3, 2];
const IMAGES = [{ start: 1, end: 3 }];
const PLACE = { images: IMAGES, promptLength: 0 };
/** Numbers that a mask adds to the scores of each column. */
const BIAS = [0.5, 0, -0.25, 0.125];

interface Form {
  readonly attention: SyntheticAttention;
  readonly kvHeads: number;
  /**
   * What stands where the operator takes a mask: as the graph has it, also made anew of its bools, with the numbers
   * {@link BIAS} besides, or nothing.
   */
  readonly mask: "own" | "cast" | "numbers" | "none";
}

const FORMS: readonly Form[] = [
  { attention: "concat", kvHeads: 2, mask: "own" },
  { attention: "concat", kvHeads: 4, mask: "own" },
  { attention: "group-query-rotated", kvHeads: 2, mask: "none" },
  { attention: "group-query-rotated", kvHeads: 2, mask: "numbers" },
  { attention: "multi-head", kvHeads: 4, mask: "own" },
  { attention: "multi-head", kvHeads: 4, mask: "none" },
  { attention: "attention", kvHeads: 2, mask: "own" },
  { attention: "attention", kvHeads: 2, mask: "cast" },
  { attention: "attention", kvHeads: 2, mask: "numbers" },
  { attention: "attention", kvHeads: 2, mask: "none" },
];

const FUSED = /^(GroupQuery|MultiHead)?Attention$/;
/** Which input of a fused operator is its mask of numbers. */
const MASK_INPUT: Readonly<Record<string, number>> = {
  GroupQueryAttention: 10,
  MultiHeadAttention: 5,
  Attention: 3,
};

/** A decoder of one layer, which also gives the query that its attention takes, and what comes of it. */
function decoderOf({ attention, kvHeads, mask }: Form): OnnxModel {
  const model = makeSyntheticDecoder({ ...shape, attention, kvHeads });
  const { nodes } = model.graph;
  const core = nodes.find(
    ({ name, opType }) => FUSED.test(opType) || name.endsWith("self_attn/MatMul"),
  )!;
  const projection = nodes.find(({ name }) => name.endsWith("/o_proj/MatMul"))!;
  const at = MASK_INPUT[core.opType];
  const remade = at === undefined || mask === "own" ? core : withMask(core, at, mask);
  const made = makeMask(core.inputs[3] ?? "", core.opType === "Attention", mask);
  return changed(model, {
    graph: changed(model.graph, {
      nodes: [
        ...nodes.flatMap((node) => (node === core ? [...made, remade] : [node])),
        makeNode("Identity", [core.inputs[0]!], ["query"]),
        makeNode("Identity", [projection.inputs[0]!], ["mixed"]),
      ],
      initializers: [
        ...model.graph.initializers,
        makeTensor("bias", [1, 1, 1, PAST + 1], Float32Array.from(BIAS)),
        makeTensor("lowest", [], Float32Array.of(-3.4e38)),
      ],
      outputs: [
        ...model.graph.outputs,
        makeValueInfo("query", 1, undefined),
        makeValueInfo("mixed", 1, ["batch_size", "sequence", shape.width]),
      ],
    }),
  });
}

function makeMask(own: string, isBool: boolean, mask: Form["mask"]): OnnxNode[] {
  if (mask === "cast") {
    return [
      makeNode("Cast", [own], ["as numbers"], { attributes: { to: DataType.float32 } }),
      makeNode("Cast", ["as numbers"], ["as bools"], { attributes: { to: DataType.bool } }),
      makeNode("Identity", ["as bools"], ["made"]),
    ];
  }
  if (mask !== "numbers") return [];
  return isBool
    ? [makeNode("Where", [own, "bias", "lowest"], ["made"])]
    : [makeNode("Identity", ["bias"], ["made"])];
}

function withMask(core: OnnxNode, at: number, mask: Form["mask"]): OnnxNode {
  const inputs = upTo(Math.max(core.inputs.length, at + 1)).map((i) => core.inputs[i] ?? "");
  inputs[at] = mask === "none" ? "" : "made";
  return changed(core, { inputs });
}

/** Columns of a row that hold its tokens, in order. Without any mask all hold some. */
function columnsOf({ attention, mask }: Form, row: number): number[] {
  if (attention.startsWith("group-query")) return upTo(HELD[row]! + 1);
  return mask === "none" ? upTo(PAST + 1) : [...upTo(HELD[row]!), PAST];
}

/** One new token of two rows behind random pasts. */
function feedsOf(form: Form): Feeds {
  const dims = [2, form.kvHeads, PAST, SIZE];
  const numbers = (seed: number) =>
    new ort.Tensor(
      "float32",
      new SeededRandom(seed).gaussians(2 * form.kvHeads * PAST * SIZE),
      dims,
    );
  const mask = upTo(2).flatMap((row) =>
    upTo(PAST + 1).map((column) => (columnsOf(form, row).includes(column) ? 1 : 0)),
  );
  return {
    inputs_embeds: embed([[5], [77]], shape),
    attention_mask: int64(mask, [2, PAST + 1]),
    position_ids: int64(HELD, [2, 1]),
    num_logits_to_keep: int64([1], []),
    "past_key_values.0.key": numbers(1),
    "past_key_values.0.value": numbers(2),
  };
}

/** Runs a decoder with edits, each row with a strength of its own. */
async function run(
  form: Form,
  edits: readonly GraphEdit[],
  strengths: readonly number[],
  place: Pick<EditedRow, "images" | "promptLength"> = PLACE,
) {
  const session = await openModel(applyEdits(decoderOf(form), edits, { newRows: false }));
  const rows = strengths.map((strength, row) => {
    const columns = columnsOf(form, row);
    const pastLength = columns.length - 1;
    return { strength, pastLength, newLength: 1, newColumn: columns.at(-1)!, ...place };
  });
  return session.run({
    ...feedsOf(form),
    ...editFeeds(session, edits, { rows, steps: 1, columns: PAST + 1 }),
  });
}

const atImages =
  (gain: number): Gain =>
  (_, __, token) =>
    IMAGES.some(({ start, end }) => token >= start && token < end) ? gain : 0;

type Outputs = Awaited<ReturnType<typeof run>>;

/** What is added to the score of a head and token, of the scores of all heads. */
type Gain = (scores: readonly (readonly number[])[], head: number, token: number) => number;

/** weights = softmax(q k / sqrt(D) + gain + bias), and the sum of values by them, (H, D). */
function byHand(form: Form, outputs: Outputs, row: number, gain: Gain) {
  const data = (name: string) => outputs[name]!.data as Float32Array;
  const columns = columnsOf(form, row);
  const weights: number[] = [];
  const mixed: number[] = [];
  const at = (head: number, column: number) => {
    const group = Math.floor((head * form.kvHeads) / HEADS);
    return ((row * form.kvHeads + group) * (PAST + 1) + column) * SIZE;
  };
  const products = upTo(HEADS).map((head) => {
    const q = data("query").subarray((row * HEADS + head) * SIZE);
    return columns.map((column) => {
      const keys = data("present.0.key").subarray(at(head, column));
      return upTo(SIZE).reduce((sum, i) => sum + q[i]! * keys[i]!, 0) / Math.sqrt(SIZE);
    });
  });
  for (const head of upTo(HEADS)) {
    const scores = columns.map((column, token) => {
      const bias = form.mask === "numbers" ? BIAS[column]! : 0;
      return products[head]![token]! + gain(products, head, token) + bias;
    });
    const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
    const own = powers.map((power) => power / powers.reduce((sum, x) => sum + x));
    weights.push(...own);
    for (const i of upTo(SIZE)) {
      const values = data("present.0.value");
      mixed.push(own.reduce((sum, w, k) => sum + w * values[at(head, columns[k]!) + i]!, 0));
    }
  }
  return { weights, mixed };
}

/** What a method reads of a row: the weights of its own tokens, and each head's sum over its image. */
function readingsOf(form: Form, outputs: Outputs, edit: GraphEdit, row: number) {
  const columns = columnsOf(form, row);
  const place = { pastLength: columns.length - 1, newLength: 1, newColumn: columns.at(-1)! };
  return edit.outputs!.map((name) => {
    const all = outputs[name]!.data as Float32Array;
    const numbers = all.subarray((row * all.length) / 2, ((row + 1) * all.length) / 2);
    return edit.reading!(name, numbers, { ...place, strength: 1, ...PLACE }, PAST + 1);
  });
}

const readOut = attentionEdit([0]);

describe.each(FORMS)("$attention with $kvHeads heads of keys, mask: $mask", (form) => {
  test("gives the weights of each token, and their sum over the image", async () => {
    const outputs = await run(form, [readOut], [1, 1]);
    for (const row of [0, 1]) {
      const { weights } = byHand(form, outputs, row, atImages(0));
      const [tokens, images] = readingsOf(form, outputs, readOut, row);
      expect(largestGap(tokens, weights)).toBeLessThan(2e-6);
      const length = weights.length / HEADS;
      const sums = upTo(HEADS).map(
        (head) => weights[head * length + 1]! + weights[head * length + 2]!,
      );
      expect(largestGap(images, sums)).toBeLessThan(2e-6);
    }
  });

  test.each([
    ["strengthened", [1.5, -0.75]],
    ["out of sight in one row alone", [-10000, 0]],
    ["as it was", [0, 0]],
  ])("with its image %s, mixes and is read by hand", async (_, gains) => {
    const outputs = await run(form, [imageAttentionEdit, readOut], gains);
    for (const row of [0, 1]) {
      const { weights, mixed } = byHand(form, outputs, row, atImages(gains[row]!));
      const [tokens, images] = readingsOf(form, outputs, readOut, row);
      expect(largestGap(tokens, weights)).toBeLessThan(2e-6);
      if (gains[row]! < -1000) expect(Math.max(...images!)).toBe(0);
      expect(largestGap(mixedOf(outputs, row), mixed)).toBeLessThan(2e-5);
    }
  });

  // Numbers that GroupQueryAttention is given to add are in the scores that it shows, and Attention's mask has a fixed size.
  const rules = Object.entries(RULES).filter(([by]) => form.mask !== "numbers" || by === "one");
  test.each(rules)("with scores changed by %s, mixes and is read by hand", async (by, rule) => {
    const edit = attentionScoresEdit({
      by: by as AttentionScores["by"],
      layers: layerRange("layers", "0"),
      queries: "later",
      weights: { images: 1, before: -0.5 },
    });
    // One image token behind one of text; the new token of the first row is the prompt's last, of the second the answer's.
    const place = { images: [{ start: 1, end: 2 }], promptLength: 0 };
    const outputs = await run(form, [edit, readOut], [0.75, -0.5], place);
    for (const row of [0, 1]) {
      const strength = [0.75, -0.5][row]!;
      const gain: Gain = (scores, head, token) =>
        ([-0.5, 1][token] ?? 0) *
        strength *
        rule(
          scores.map((all) => all[token]!),
          head,
        );
      const { weights, mixed } = byHand(form, outputs, row, gain);
      const [tokens] = readingsOf(form, outputs, readOut, row);
      expect(largestGap(tokens, weights)).toBeLessThan(2e-6);
      expect(largestGap(mixedOf(outputs, row), mixed)).toBeLessThan(2e-5);
    }
    // The prompt's last token, where the answer's alone are meant, is left as it was.
    const still = await run(form, [edit, readOut], [0.75, -0.5], { ...place, promptLength: 9 });
    expect(still.mixed!.data).toEqual((await run(form, [readOut], [1, 1])).mixed!.data);
  });
});

/** What attention made of the values of a row. */
function mixedOf(outputs: Outputs, row: number): Float32Array {
  return (outputs.mixed!.data as Float32Array).subarray(row * shape.width, (row + 1) * shape.width);
}

describe("what cannot be read or changed is refused by what was found", () => {
  const concat = makeSyntheticDecoder({ ...shape, kvHeads: 2 });
  const groups = makeSyntheticDecoder({ ...shape, kvHeads: 2, attention: "group-query" });
  const withNodes = (model: OnnxModel, change: (node: OnnxNode) => OnnxNode) =>
    changed(model, { graph: changed(model.graph, { nodes: model.graph.nodes.map(change) }) });
  const named = (opType: string, change: (node: OnnxNode) => OnnxNode) => (node: OnnxNode) =>
    node.opType === opType ? change(node) : node;

  test("a layer that is not there", () => {
    const apply = () => attentionEdit([2]).apply(concat);
    expect(apply).toThrow(ShapeError);
    expect(apply).toThrow("attention: received layer 2; expected one of 0, as the model has");
  });

  test.each<[string, GraphEdit, OnnxModel, RegExp]>([
    [
      "an old operator set",
      readOut,
      changed(concat, { opsets: [{ domain: "", version: 12 }] }),
      /attention is read from operator set 13 on, found 12/,
    ],
    [
      "a cache that goes into something else",
      readOut,
      withNodes(
        concat,
        named("Concat", (node) => changed(node, { inputs: node.inputs.toReversed() })),
      ),
      /attention of layer 0: looked for GroupQueryAttention, MultiHeadAttention or Attention of past_key_values\.0\.key.*found Concat "\/model\/layers\.0\/self_attn\/Concat_5"/,
    ],
    [
      "scores whose softmax is another operator",
      imageAttentionEdit,
      withNodes(
        concat,
        named("Softmax", (node) => changed(node, { opType: "Hardmax" })),
      ),
      /attention of layer 0: looked for a Softmax behind .*, found Hardmax/,
    ],
    [
      "an operator whose fourth output is taken",
      readOut,
      withNodes(
        groups,
        named("GroupQueryAttention", (node) =>
          changed(node, { outputs: [...node.outputs, "scores"] }),
        ),
      ),
      /fourth output is free, found that "\/model\/layers\.0\/self_attn\/GroupQueryAttention" gives scores/,
    ],
  ])("%s", (_, edit, model, message) => {
    expect(() => edit.apply(model)).toThrow(UnsupportedCapabilityError);
    expect(() => edit.apply(model)).toThrow(message);
  });

  test("but weights that an operator gives already are read as they are", () => {
    const form = { attention: "group-query-rotated", kvHeads: 2, mask: "none" } as const;
    const giving = withNodes(
      decoderOf(form),
      named("GroupQueryAttention", (node) =>
        changed(node, {
          outputs: [...node.outputs, "given"],
          attributes: [...node.attributes, makeAttribute("qk_output", 2)],
        }),
      ),
    );
    const edited = readOut.apply(giving);
    expect(edited.graph.nodes.filter(({ opType }) => opType === "GroupQueryAttention")).toEqual(
      giving.graph.nodes.filter(({ opType }) => opType === "GroupQueryAttention"),
    );
    expect(edited.graph.nodes.some(({ inputs }) => inputs.includes("given"))).toBe(true);
  });
});
