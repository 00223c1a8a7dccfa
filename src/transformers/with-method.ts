import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { checkNames } from "../arguments/check-names.js";
import { integerIn, numberIn } from "../arguments/numbers.js";
import { checkSession } from "../engine/check-method.js";
import { drawName, methodRandom, tokenRandom } from "../engine/draws.js";
import { ORIGINAL_IMAGE } from "../engine/image-variant.js";
import type { Method, MethodRun, MethodSession } from "../engine/method.js";
import { sampleToken } from "../engine/sampler.js";
import { textOf, type View } from "../engine/view.js";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../errors.js";
import { checkGenerationSettings } from "./generation-settings.js";
import { isTensor, joined, type StockImage, type StockModel, type StockTensor } from "./stock.js";
import { variantPixels } from "./variant-pixels.js";

/** How {@link withMethod} chooses tokens. */
export interface MethodOptions {
  /** A method whose streams have the same prompt: `regular`, `apc`, `vcd`, `flb`, ... */
  readonly method: Method;
  /** The pixels of the prompt's images, in order, as they were given to the processor. */
  readonly images: readonly StockImage[];
  /** The question as text. It names the draws: with it the same seed gives the tokens that `Model.generate` gives. */
  readonly prompt: string;
  /** Fixes every random draw; default 0. */
  readonly seed?: number;
  /** 0, the default, is greedy. It is applied behind the method, as the papers do. */
  readonly temperature?: number;
  /** Draw from the k best tokens; default all. */
  readonly topK?: number;
  /** Draw from the best tokens that hold probability p; default 1. */
  readonly topP?: number;
}

const NAMES = ["method", "images", "prompt", "seed", "temperature", "topK", "topP"];

/**
 * Options for transformers.js's `generate` that make it decode by a method: the inputs with one row for each of the
 * method's streams, and a logits processor that scores, draws the token and gives it to every row. Use them once, as the
 * processor keeps the answer's state. Every row of what `generate` returns is the answer.
 *
 * Tokens are those of `Model.generate` on the same checkpoint, greedily as well as for a seed.
 *
 * @param given what would be passed to `generate`: the processor's inputs of one question, and options such as
 *   `max_new_tokens` and `streamer`; settings that would change logits before the method sees them are refused
 * @throws InvalidArgumentError for settings that would change the method silently (`temperature`, `top_k`,
 *   `repetition_penalty`, ... of `given` or of the model's generation_config.json), and for inputs of several questions
 * @throws UnsupportedCapabilityError for methods that stock transformers.js cannot run: those that edit graphs, generate
 *   beforehand, or have streams with prompts of their own
 */
export async function withMethod<Given extends Readonly<Record<string, unknown>>>(
  model: StockModel,
  given: Given,
  options: MethodOptions,
): Promise<Given & Record<string, unknown>> {
  checkNames(options, NAMES, "withMethod has no option");
  const { method, images, prompt, seed = 0, temperature = 0, topK, topP = 1 } = options;
  const sampler = {
    temperature: numberIn("temperature", temperature, 0),
    topK: topK === undefined ? undefined : integerIn("topK", topK, 1),
    topP: numberIn("topP", topP, 0, 1),
  };
  checkGenerationSettings(given, model.generation_config);
  const { tensors, promptLength } = inputsOf(given);
  const keys = images.map(pictureKey);
  const view = viewOf(images.length, prompt);
  const session = checkSession(
    method,
    await method.start(methodRun(method, view, prompt, seed, sampler.temperature, keys)),
  );
  const rows = session.streams.length;
  for (const { view: seen } of session.streams) requireSamePrompt(method, view, seen);
  const repeated: Record<string, StockTensor> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    repeated[name] = joined(
      await Promise.all(
        session.streams.map((stream) =>
          name === "pixel_values"
            ? variantPixels(method, tensor, stream.view, images.length)
            : tensor,
        ),
      ),
    );
  }
  const random = tokenRandom(seed, drawName(keys, view));
  let next = 0;
  return {
    ...given,
    ...repeated,
    do_sample: false,
    num_beams: 1,
    logits_processor: [
      (ids: readonly (readonly bigint[])[], logits: StockTensor) => {
        const position = ids[0]!.length - promptLength;
        if (position !== next++) {
          throw new InvalidArgumentError(
            "withMethod: its options are used a second time, with the state of another answer; make them anew for each",
          );
        }
        return chooseToken(session, rows, logits, position, (scores) =>
          sampleToken(scores, sampler, random),
        );
      },
    ],
  };
}

/** Scores a step's rows, and leaves each row the chosen token alone. */
function chooseToken(
  session: MethodSession,
  rows: number,
  logits: StockTensor,
  position: number,
  draw: (scores: Float32Array) => number,
): StockTensor {
  const data = logits.data as Float32Array;
  if (logits.dims[0] !== rows || data.length % rows !== 0) {
    throw new InvalidArgumentError(
      `withMethod: generate runs ${logits.dims[0]} rows; expected the ${rows} that withMethod made: pass its inputs on as they are`,
    );
  }
  const size = data.length / rows;
  const outputs = Array.from({ length: rows }, (_, i) => ({
    logits: data.slice(i * size, (i + 1) * size),
  }));
  const scores = session.scores?.(outputs, position) ?? outputs[0]!.logits;
  const token = draw(scores);
  session.commit?.(token);
  data.fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < rows; row++) data[row * size + token] = 0;
  return logits;
}

/** The tensors among what is given to `generate`, which are to be of one question. */
function inputsOf(given: Readonly<Record<string, unknown>>): {
  tensors: Record<string, StockTensor>;
  promptLength: number;
} {
  const tensors = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, StockTensor] => isTensor(entry[1])),
  );
  const { input_ids: ids } = tensors;
  if (ids === undefined) {
    throw new InvalidArgumentError(
      "withMethod: no input_ids; pass what the processor returned, { ...inputs, max_new_tokens: 64 }",
    );
  }
  if (ids.dims[0] !== 1) {
    throw new InvalidArgumentError(
      `withMethod: received inputs of ${ids.dims[0]} questions; expected one: rows are the method's streams`,
    );
  }
  return { tensors, promptLength: ids.dims.at(-1)! };
}

/** What a method sees of the answer; of a stock model it can ask nothing beforehand. */
function methodRun(
  method: Method,
  view: View,
  prompt: string,
  seed: number,
  temperature: number,
  keys: readonly string[],
): MethodRun {
  const refuse = (what: string): never => {
    throw new UnsupportedCapabilityError(
      `method ${method.name}: ${what}; stock transformers.js decodes one batch and no more: load the model with groundsight's load()`,
    );
  };
  if ((method.needs.edits ?? []).length > 0) refuse("it edits graphs");
  if (method.needs.image === true && keys.length === 0) {
    throw new InvalidArgumentError(`method ${method.name} needs an image: give images`);
  }
  return {
    view,
    prompt,
    seed,
    temperature,
    signal: undefined,
    model: {
      id: "transformers.js",
      layers: 0,
      endTokens: new Set(),
      hash: async () => refuse("it belongs to a model of a certain hash"),
      encode: async () => refuse("it encodes text"),
      decode: () => refuse("it decodes tokens"),
    },
    random: (name, image) => methodRandom(seed, name, keys, image),
    generate: async () => refuse("it generates text beforehand"),
    draft: async () => refuse("it makes drafts of its answer"),
    remember: (_, make) => make(),
    note: () => {},
  };
}

/** Rows of a batch have one prompt: transformers.js pads shorter ones wrongly once it decodes. */
function requireSamePrompt(method: Method, own: View, seen: View): void {
  const shape = (view: View) =>
    JSON.stringify(
      view.map(({ role, parts }) => [
        role,
        textOf(parts),
        parts.map((part) => (part.type === "image" ? part.image : "text")),
      ]),
    );
  if (shape(own) === shape(seen)) return;
  throw new UnsupportedCapabilityError(
    `method ${method.name}: its streams have prompts of their own, which stock transformers.js decodes wrongly in one batch; load the model with groundsight's load()`,
  );
}

function viewOf(images: number, prompt: string): View {
  const parts = Array.from({ length: images }, (_, image) => ({
    type: "image" as const,
    image,
    variant: ORIGINAL_IMAGE,
  }));
  return [{ role: "user", parts: [...parts, { type: "text", text: prompt }] }];
}

/** An image's identity, which draws are named by: that of `ImageOpener`. */
function pictureKey({ data, width, height, channels }: StockImage): string {
  if (channels !== 3) {
    throw new InvalidArgumentError(
      `images: received one of ${channels} channels; expected RGB: convert it first (RawImage.rgb())`,
    );
  }
  const hash = sha256.create();
  hash.update(new TextEncoder().encode(`${width}x${height}`));
  hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return bytesToHex(hash.digest());
}
