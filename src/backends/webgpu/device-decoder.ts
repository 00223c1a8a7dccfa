import type { StepOutputs } from "../../engine/step.js";
import { InferenceError } from "../../errors.js";
import { type CacheGeometry, contextBytes } from "../onnx/decoder-cache.js";
import { emptyPast, lastLogits } from "../onnx/decoder-tensors.js";
import { type EditSet, editFeeds, editReadings } from "../onnx/edit-feeds.js";
import type { DecoderGraph } from "../onnx/graphs.js";
import type { Runtime, Tensors } from "../onnx/runtime.js";
import { type NewTokens, tokenFeeds, wholeMask } from "../onnx/token-feeds.js";
import { DevicePast } from "./device-past.js";

/** Tokens to append to a context. */
export interface DeviceInput extends NewTokens {
  /** What the context holds so far; undefined for none. */
  readonly past: DevicePast | undefined;
  /** How each edit of the graph is switched on. */
  readonly active: EditSet["active"];
  /** Spans of image tokens in the whole context. */
  readonly images: readonly { readonly start: number; readonly end: number }[];
  /** Tokens of the context's prompt. */
  readonly promptLength: number;
}

/** The outputs after the last token, and what the context then holds. */
export interface DeviceStep {
  readonly outputs: StepOutputs;
  readonly past: DevicePast;
}

/** Runs a decoder whose cache stays on the device, one context at a time. */
export class DeviceDecoder {
  readonly #runtime: Runtime;
  readonly #graph: DecoderGraph;
  readonly #geometry: CacheGeometry;
  readonly #edits: EditSet["edits"];

  /** @param edits what the graph was patched with; each input tells how they are switched on */
  constructor(
    runtime: Runtime,
    graph: DecoderGraph,
    geometry: CacheGeometry,
    edits: EditSet["edits"],
  ) {
    this.#runtime = runtime;
    this.#geometry = geometry;
    this.#graph = graph;
    this.#edits = edits;
  }

  /** Most tokens that one run may append. */
  get pieceTokens(): number {
    return this.#graph.pieceTokens ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Appends tokens. The past that it is given stays as it is, and whoever holds it goes on to.
   *
   * @throws InferenceError when the graph fails; nothing is then left on the device
   */
  async run(input: DeviceInput): Promise<DeviceStep> {
    const { session, feeds } = this.#graph;
    const steps = input.positions[0]!.length;
    const pastRows = input.past?.length ?? 0;
    const length = pastRows + steps;
    const row = { ...input, pastLength: pastRows, newLength: steps, newColumn: pastRows };
    const fed = { rows: [row], steps, columns: length };
    let outputs: Tensors;
    try {
      outputs = await session.run({
        ...feeds,
        ...editFeeds(this.#runtime, session, this.#edits, fed),
        ...tokenFeeds(this.#runtime, session, [input], pastRows > 0),
        attention_mask: wholeMask(this.#runtime, length),
        ...(input.past?.tensors ?? emptyPast(this.#runtime, this.#geometry)),
      });
    } catch (cause) {
      throw new InferenceError(`the decoder failed: ${(cause as Error).message}`, { cause });
    }
    const bytes = contextBytes(this.#geometry, length);
    const past = new DevicePast(length, bytes, presentAsPast(outputs));
    try {
      const [logits] = lastLogits(outputs.logits, 1);
      return { outputs: { logits: logits!, ...editReadings(outputs, this.#edits, fed, 0) }, past };
    } catch (error) {
      past.release();
      throw error;
    }
  }
}

/** The cache that a run returns, by the names that the next one takes it by. */
function presentAsPast(outputs: Tensors): Tensors {
  const presents = Object.entries(outputs).filter(([name]) => /^present[._]/.test(name));
  return Object.fromEntries(presents.map(([name, tensor]) => [pastName(name), tensor]));
}

/** `present.N.key` goes on as `past_key_values.N.key`, `present_conv.N` as `past_conv.N`. */
function pastName(present: string): string {
  return present.replace(/^present(?=_)/, "past").replace(/^present(?=\.)/, "past_key_values");
}
