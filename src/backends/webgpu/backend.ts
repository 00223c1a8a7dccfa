import type {
  Backend,
  BackendFacts,
  BackendOffers,
  Context,
  ContextStep,
  OpenedImage,
  OpenResult,
  Prompt,
  PromptToOpen,
  StepResult,
} from "../../engine/backend.js";
import type { ImageSource } from "../../engine/conversation.js";
import type { ActiveEdit, Stream } from "../../engine/method.js";
import type { ModelInfo } from "../../engine/model-info.js";
import type { Probe } from "../../engine/probe.js";
import { OnnxBackend } from "../onnx/backend.js";
import { embedEach } from "../onnx/embeddings.js";
import { EditedGraphs } from "../onnx/graphs.js";
import { inputOf } from "../onnx/lane.js";
import type { OnnxParts } from "../onnx/parts.js";
import type { OnnxPrompt } from "../onnx/prompt.js";
import type { TokenInputs } from "../onnx/token-inputs.js";
import { DeviceDecoder } from "./device-decoder.js";
import type { DevicePast } from "./device-past.js";
import { DevicePrefixes } from "./device-prefixes.js";

/** A live context: its own tensors on the device. */
interface DeviceContext {
  readonly prompt: OnnxPrompt;
  readonly decoder: DeviceDecoder;
  past: DevicePast;
  /** Position of its next token. */
  next: number;
}

/**
 * A checkpoint in ONNX whose decoder keeps its cache on the device: a run's present tensors are the next run's past,
 * and never come back to JavaScript.
 *
 * The runtime can feed such tensors again and free them, no more: it can neither copy rows of them nor join two, and a
 * download ends the process. So contexts run one at a time, each with tensors of its own; what contexts share is fed to
 * all of them as it is.
 */
export class WebGpuBackend implements Backend {
  readonly facts: BackendFacts;
  readonly offers: BackendOffers;
  readonly #parts: OnnxParts;
  /** Prompts, images and hidden states, which are on the host in both backends. */
  readonly #host: OnnxBackend;
  readonly #graphs: EditedGraphs;
  readonly #prefixes: DevicePrefixes;
  readonly #contexts = new Set<DeviceContext>();

  /**
   * @param parts whose decoder returns `present.*` on the device
   * @throws ModelLoadError when the decoder graph is not one that can be run
   */
  constructor(parts: OnnxParts) {
    this.#parts = parts;
    this.#host = new OnnxBackend(parts);
    this.#graphs = new EditedGraphs(parts.graphs);
    this.facts = this.#host.facts;
    this.offers = this.#host.offers;
    this.#prefixes = new DevicePrefixes(parts);
  }

  get info(): ModelInfo {
    return this.#parts.info;
  }

  get liveBytes(): number {
    return [...this.#contexts].reduce((sum, { past }) => sum + past.bytes, 0);
  }

  hash(): Promise<string> {
    return this.#host.hash();
  }

  openImage(source: ImageSource, signal: AbortSignal | undefined): Promise<OpenedImage> {
    return this.#host.openImage(source, signal);
  }

  layOut(stream: Stream, images: readonly OpenedImage[], mayGoOn: boolean): Promise<Prompt> {
    return this.#host.layOut(stream, images, mayGoOn);
  }

  async open(prompts: readonly PromptToOpen[]): Promise<OpenResult[]> {
    const results: OpenResult[] = [];
    for (const { prompt } of prompts) {
      results.push(
        await this.#openOne(prompt as OnnxPrompt).catch((failure: unknown) => ({ failure })),
      );
    }
    return results;
  }

  async extend(steps: readonly ContextStep[]): Promise<StepResult[]> {
    const inputs = await embedEach(
      this.#parts,
      steps.map(({ token }) => token),
    );
    const results: StepResult[] = [];
    for (const [i, { context }] of steps.entries()) {
      const embedded = inputs[i]!;
      results.push(
        embedded.status === "rejected"
          ? { failure: embedded.reason }
          : await this.#extendOne(context as DeviceContext, embedded.value).catch(
              (failure: unknown) => ({ failure }),
            ),
      );
    }
    return results;
  }

  close(contexts: readonly Context[]): void {
    for (const context of contexts as readonly DeviceContext[]) {
      if (this.#contexts.delete(context)) context.past.release();
    }
  }

  encode(text: string): Promise<readonly number[]> {
    return this.#host.encode(text);
  }

  decode(ids: readonly number[]): string {
    return this.#host.decode(ids);
  }

  async prepare(edits: readonly ActiveEdit["edit"][]): Promise<void> {
    await this.#host.prepare(edits.filter(({ graph }) => graph === "vision"));
    await this.#graphs.session(
      "decoder",
      edits.filter(({ graph }) => graph === "decoder"),
    );
  }

  probe(edits: readonly ActiveEdit[]): Promise<Probe> {
    return this.#host.probe(edits);
  }

  async release(): Promise<void> {
    // Tensors first: to free one whose session is gone ends the process.
    this.close([...this.#contexts]);
    this.#prefixes.clear();
    await this.#graphs.release();
    await this.#host.release();
  }

  async #openOne(prompt: OnnxPrompt): Promise<OpenResult> {
    const { edits } = prompt.edits;
    const session = await this.#graphs.session("decoder", edits);
    const graph = { ...this.#parts.graphs.decoder, session };
    const decoder = new DeviceDecoder(this.#parts.runtime, graph, this.#host.geometry, edits);
    const { outputs, past } = await this.#prefixes.prefill(decoder, prompt);
    const context = { prompt, decoder, past, next: prompt.positions.next };
    this.#contexts.add(context);
    return { context, outputs };
  }

  async #extendOne(context: DeviceContext, tokens: TokenInputs): Promise<StepResult> {
    const { decoder, prompt, past: before } = context;
    const { outputs, past } = await decoder.run({
      ...inputOf({ slot: 0, prompt }),
      past: before,
      tokens,
      positions: prompt.positions.planes.map(() => Int32Array.of(context.next)),
    });
    context.past = past;
    context.next++;
    before.release();
    return { outputs };
  }
}
