import type {
  Backend,
  BackendFacts,
  BackendOffers,
  Context,
  ContextStep,
  OpenedImage,
  OpenResult,
  PromptToOpen,
  StepResult,
} from "../../engine/backend.js";
import { BoundedCache } from "../../engine/bounded-cache.js";
import { refuseControlTokens } from "../../engine/control-tokens.js";
import type { ImageSource } from "../../engine/conversation.js";
import { ORIGINAL_IMAGE, UNKNOWN_IMAGE } from "../../engine/image-variant.js";
import type { ActiveEdit, Stream } from "../../engine/method.js";
import type { ModelInfo } from "../../engine/model-info.js";
import type { Probe } from "../../engine/probe.js";
import type { StepOutputs } from "../../engine/step.js";
import type { PromptTools } from "../../families/family.js";
import { answerTokens } from "./answer-tokens.js";
import { checkDecoder } from "./decoder.js";
import { bytesPerToken, type CachedPrefix, type CacheGeometry } from "./decoder-cache.js";
import { readGeometry } from "./decoder-tensors.js";
import { embedEach, embedTokens } from "./embeddings.js";
import { bytesOfStates } from "./fixed-states.js";
import { EditedGraphs } from "./graphs.js";
import { Lane, type OnnxContext } from "./lane.js";
import { membersBy } from "./members-by.js";
import type { ImageToProcess, OnnxParts } from "./parts.js";
import { prefill } from "./prefill.js";
import { OnnxProbe } from "./probe.js";
import { layOutPrompt, type OnnxPrompt } from "./prompt.js";
import { type ImageFeatures, Vision } from "./vision.js";

/** A checkpoint in ONNX, run by ONNX Runtime on the CPU. */
export class OnnxBackend implements Backend {
  readonly facts: BackendFacts;
  readonly offers: BackendOffers;
  readonly #parts: OnnxParts;
  readonly #geometry: CacheGeometry;
  readonly #graphs: EditedGraphs;
  readonly #vision: Vision;
  readonly #prefixes: BoundedCache<CachedPrefix>;
  /** Live contexts by the edits of their decoder. */
  readonly #lanes = new Map<string, Lane>();
  /** Those that nobody has disposed of. */
  readonly #probes = new Set<OnnxProbe>();

  /** @throws ModelLoadError when the decoder graph is not one that can be run */
  constructor(parts: OnnxParts) {
    const { graphs, info, endTokens, defaultMaxTokens, memory } = parts;
    checkDecoder(graphs);
    this.#parts = parts;
    this.#geometry = readGeometry(graphs.decoder.session, parts.family.facts.cache);
    this.#graphs = new EditedGraphs(graphs);
    this.#vision = new Vision(parts, this.#graphs);
    this.#prefixes = new BoundedCache(memory.prefixBytes);
    this.facts = {
      contextLength: info.contextLength,
      endTokens,
      defaultMaxTokens,
      bytesPerToken: bytesPerToken(this.#geometry),
      bytesPerContext: bytesOfStates(this.#geometry.states),
    };
    this.offers = {
      images: true,
      fullVocabulary: true,
      edits: new Set(graphs.openEdited === undefined ? [] : ["attention", "output", "residual"]),
      baseLlm: false,
      unknownToken: parts.prompts.unknown !== undefined,
    };
  }

  get info(): ModelInfo {
    return this.#parts.info;
  }

  /** Shape of the decoder's cache. */
  get geometry(): CacheGeometry {
    return this.#geometry;
  }

  get liveBytes(): number {
    return [...this.#lanes.values()].reduce((sum, { cache }) => sum + cache.bytes, 0);
  }

  hash(): Promise<string> {
    return this.#parts.hash();
  }

  openImage(source: ImageSource, signal: AbortSignal | undefined): Promise<OpenedImage> {
    return this.#parts.openImage(source, signal);
  }

  async layOut(
    stream: Stream,
    images: readonly OpenedImage[],
    mayGoOn: boolean,
  ): Promise<OnnxPrompt> {
    let imageMs = 0;
    const features: ImageFeatures[] = [];
    const shown: number[] = [];
    for (const part of stream.view.flatMap(({ parts }) => parts)) {
      if (part.type !== "image") continue;
      const isUnknown = part.variant === UNKNOWN_IMAGE;
      if (!isUnknown) shown.push(part.image);
      const image = images[part.image] as ImageToProcess;
      // What takes an image's place stands where the image would.
      const variant = isUnknown ? ORIGINAL_IMAGE : part.variant;
      const cached = this.#vision.cached(image, variant, stream.edits);
      if (cached !== undefined) {
        features.push(cached);
        continue;
      }
      const startedAt = performance.now();
      features.push(await this.#vision.features(image, variant, stream.edits));
      imageMs += performance.now() - startedAt;
    }
    const prompt = layOutPrompt(this.#parts, stream, features, mayGoOn);
    const { family } = this.#parts;
    const imagePlaces = prompt.images.map(({ features: image, span }, i) => ({
      image: shown[i]!,
      spans: span.runs ?? [{ start: span.start, end: span.end }],
      grids: family.grids?.(image),
    }));
    return { ...prompt, imagePlaces, imageMs };
  }

  async open(prompts: readonly PromptToOpen[]): Promise<OpenResult[]> {
    for (const { cache } of this.#lanes.values()) cache.trim();
    const results: OpenResult[] = [];
    const byLane = membersBy(prompts, (prompt) => onnxPrompt(prompt).edits.editsKey);
    for (const [key, members] of byLane) {
      const own = members.map((i) => ({ ...prompts[i]!, prompt: onnxPrompt(prompts[i]!) }));
      const opened = await this.#openInLane(key, own).catch((failure: unknown) =>
        own.map((): OpenResult => ({ failure })),
      );
      members.forEach((i, k) => {
        results[i] = opened[k]!;
      });
    }
    return results;
  }

  async extend(steps: readonly ContextStep[]): Promise<StepResult[]> {
    const inputs = await embedEach(
      this.#parts,
      steps.map(({ token }) => token),
    );
    const results: StepResult[] = [];
    const byLane = membersBy(steps, ({ context }) => onnxContext(context).lane);
    for (const [lane, members] of byLane) {
      const bySlot = members.sort((a, b) => slotOf(steps[a]!) - slotOf(steps[b]!));
      const ready = bySlot.flatMap((i) => {
        const embedded = inputs[i]!;
        if (embedded.status === "fulfilled") return [{ i, tokens: embedded.value }];
        results[i] = { failure: embedded.reason };
        return [];
      });
      if (ready.length === 0) continue;
      const outputs = await lane.extendByToken(
        ready.map(({ i, tokens }) => ({ context: onnxContext(steps[i]!.context), tokens })),
      );
      ready.forEach(({ i }, k) => {
        results[i] = outputs[k]!;
      });
    }
    return results;
  }

  async extendThrough(context: Context, tokens: readonly number[]): Promise<StepOutputs[]> {
    const { lane } = onnxContext(context);
    if (this.#parts.family.looksAhead !== true) {
      const embedded = await embedTokens(this.#parts, tokens);
      const outputs = await lane.extendThrough(onnxContext(context), embedded, tokens.length);
      if (outputs !== undefined) return outputs;
    }
    const each: StepOutputs[] = [];
    for (const token of tokens) {
      const [result] = await this.extend([{ context, token }]);
      if ("failure" in result!) throw result.failure;
      const { logits } = result!.outputs;
      // A later step may write where these lie.
      each.push({ ...result!.outputs, logits: logits.slice() });
    }
    return each;
  }

  close(contexts: readonly Context[]): void {
    for (const context of contexts) {
      const { lane } = onnxContext(context);
      lane.close(onnxContext(context));
      if (lane.isEmpty) this.#lanes.delete(lane.key);
    }
  }

  async encode(text: string): Promise<readonly number[]> {
    return this.#toolsFor(text).encodeText(text);
  }

  async encodeAnswer(text: string): Promise<readonly number[]> {
    return answerTokens(text, this.#toolsFor(text));
  }

  decode(ids: readonly number[]): string {
    return this.#parts.prompts.decode(ids);
  }

  bytesOf(id: number): Uint8Array | undefined {
    return this.#parts.prompts.bytesOf?.(id);
  }

  async prepare(edits: readonly ActiveEdit["edit"][]): Promise<void> {
    for (const graph of ["vision", "decoder"] as const) {
      await this.#graphs.session(
        graph,
        edits.filter((edit) => edit.graph === graph),
      );
    }
  }

  async probe(edits: readonly ActiveEdit[]): Promise<Probe> {
    const features = (image: ImageToProcess) => this.#vision.features(image, ORIGINAL_IMAGE, edits);
    const probe = new OnnxProbe(this.#parts, edits, features, () => this.#probes.delete(probe));
    this.#probes.add(probe);
    return probe;
  }

  async release(): Promise<void> {
    const probes = [...this.#probes].map((probe) => probe.dispose());
    await Promise.all([...probes, this.#graphs.release(), this.#parts.release()]);
  }

  /** @throws InvalidArgumentError when the text holds a control token */
  #toolsFor(text: string): PromptTools {
    const { prompts, family } = this.#parts;
    const view = [{ role: "assistant", parts: [{ type: "text", text }] }] as const;
    refuseControlTokens(view, prompts.controls, family.imageToken);
    return prompts;
  }

  async #openInLane(
    key: string,
    prompts: readonly { readonly prompt: OnnxPrompt; readonly maxTokens: number }[],
  ): Promise<OpenResult[]> {
    const lane = this.#lanes.get(key) ?? (await this.#newLane(key, prompts[0]!.prompt));
    const results = await prefill(this.#parts, lane, this.#prefixes, prompts);
    if (lane.isEmpty) this.#lanes.delete(key);
    return results;
  }

  async #newLane(key: string, { edits: { edits } }: OnnxPrompt): Promise<Lane> {
    const session = await this.#graphs.session("decoder", edits);
    const graph = { ...this.#parts.graphs.decoder, session };
    const lane = new Lane(key, this.#parts.runtime, graph, this.#geometry, edits);
    this.#lanes.set(key, lane);
    return lane;
  }
}

function onnxPrompt({ prompt }: PromptToOpen): OnnxPrompt {
  return prompt as OnnxPrompt;
}

function onnxContext(context: Context): OnnxContext {
  return context as OnnxContext;
}

function slotOf({ context }: ContextStep): number {
  return onnxContext(context).slot;
}
