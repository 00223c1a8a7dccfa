import { type InferenceSession, Tensor } from "onnxruntime-common";
import type { ModelFamily, PromptTools } from "../engine/family.js";
import { LoadedModel } from "../engine/loaded-model.js";
import type { Model } from "../engine/model.js";
import type { ModelParts } from "../engine/model-parts.js";
import type { ImageSource } from "../engine/request.js";
import type { Session, Tensors } from "../engine/runtime.js";
import { SeededRandom } from "../math/seeded-random.js";
import { regular } from "../methods/regular.js";
import { FAKE_HIDDEN, type FakeCache, type FakeToken, fakeDecoder } from "./fake-decoder.js";

const BOS = 256;
const EOS = 257;
const IMAGE = 258;
const VOCABULARY = 259;
const IMAGE_TOKENS = 4;
const TURN = "\nMODEL:";

/** What a fake model is asked. */
export interface FakeQuestion {
  readonly prompt: string;
  /** Mean of the image's features as the stream sees them: the mean pixel value from 0 to 1, plus any noise; undefined without image. */
  readonly brightness: number | undefined;
}

/** Options of {@link fakeModel}. */
export interface FakeModelOptions {
  /** The greedy answer to a question. Default: text of pseudo-random bytes fixed by the whole context. */
  readonly respond?: (question: FakeQuestion) => string;
  /** Logits (259) after a context, instead of `respond`: bytes 0 to 255, beginning, end (257) and image token. */
  readonly logits?: (context: readonly FakeToken[]) => Float32Array;
  /** Default 4096. */
  readonly contextLength?: number;
  /** How the cache is fed and returned. Default masked, new rows only. */
  readonly cache?: FakeCache;
}

/**
 * A tiny, deterministic stand-in for a vision-language model, for tests without files: its tokens are UTF-8 bytes, its
 * decoder is a function. Everything between (batches, cache, methods, sampling, text) is the real engine.
 *
 *     const model = fakeModel({ respond: ({ prompt }) => (prompt.includes("dog") ? "Yes" : "No") });
 *     const { text } = await model.generate({ prompt: "Is there a dog?" });   // "Yes"
 */
export function fakeModel(options: FakeModelOptions = {}): Model {
  return new LoadedModel(fakeParts(options), regular());
}

/** The parts of a {@link fakeModel}, to be changed before a handle is made of them. */
export function fakeParts(options: FakeModelOptions = {}): ModelParts {
  const cache = options.cache ?? { pastLayout: "masked", returnsNewRows: true };
  const logits = options.logits ?? ((context) => contextLogits(context, options.respond));
  return {
    runtime: { Tensor },
    family: FAMILY,
    prompts: PROMPTS,
    embed: fakeSession((feeds) => ({ inputs_embeds: embed(feeds.input_ids!) })),
    vision: {
      session: fakeSession((feeds) => ({ image_features: imageFeatures(feeds.pixel_values!) })),
      feeds: {},
    },
    decoder: { session: fakeDecoder(Tensor, cache, logits), ...cache, feeds: {} },
    info: {
      id: "fake",
      family: "fake",
      dtype: "fp32",
      vocabularySize: VOCABULARY,
      hiddenSize: FAKE_HIDDEN,
      layers: 1,
      contextLength: options.contextLength ?? 4096,
      cache: cache.returnsNewRows ? "delta" : "whole",
    },
    endTokens: new Set([EOS]),
    defaultMaxTokens: 64,
    memory: { visionBytes: 2 ** 20, prefixBytes: 2 ** 20 },
    openImage: async (source) => ({
      key: imageKey(source),
      process: async () => ({ pixels: pixelValues(source), inputs: {} }),
    }),
    hash: async () => "fake",
    release: async () => {},
  };
}

const FAMILY: ModelFamily = {
  name: "fake",
  imageTokenId: IMAGE,
  imageToken: "<image>",
  promptTokens(prompt, image, { render, encode }) {
    const text = { type: "text", text: prompt } as const;
    const tokens = encode(render(image === undefined ? [text] : [{ type: "image" }, text]));
    const imageTokens = new Array<number>(image?.tokens ?? 0).fill(IMAGE);
    return tokens.flatMap((token) => (token === IMAGE ? imageTokens : [token]));
  },
  positions: (tokens) => ({ planes: [Int32Array.from(tokens, (_, i) => i)], next: tokens.length }),
};

const PROMPTS: PromptTools = {
  render: (parts) =>
    `${parts.map((part) => (part.type === "image" ? "<image>" : part.text)).join("")}${TURN}`,
  encode(text) {
    const [before, after] = text.split("<image>") as [string, string | undefined];
    const bytes = (part: string) => [...new TextEncoder().encode(part)];
    return after === undefined
      ? [BOS, ...bytes(before)]
      : [BOS, ...bytes(before), IMAGE, ...bytes(after)];
  },
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256))),
};

function fakeSession(run: (feeds: Tensors) => Tensors): Session {
  return {
    inputNames: [],
    outputNames: [],
    inputMetadata: [],
    outputMetadata: [],
    run: (async (feeds: Tensors) => run(feeds)) as InferenceSession["run"],
    release: async () => {},
  };
}

/** Embedding (1, S, 2) of ids (1, S): the id, and no image feature. */
function embed(ids: Tensor): Tensor {
  const data = new Float32Array(ids.size * FAKE_HIDDEN);
  (ids.data as BigInt64Array).forEach((id, i) => {
    data[i * FAKE_HIDDEN] = Number(id);
  });
  return new Tensor("float32", data, [1, ids.size, FAKE_HIDDEN]);
}

/** Features (1, 4, 2): the image token's id and the mean of the pixels. */
function imageFeatures(pixels: Tensor): Tensor {
  const values = pixels.data as Float32Array;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const data = Float32Array.from({ length: IMAGE_TOKENS * FAKE_HIDDEN }, (_, i) =>
    i % 2 === 0 ? IMAGE : mean,
  );
  return new Tensor("float32", data, [1, IMAGE_TOKENS, FAKE_HIDDEN]);
}

function imageKey(source: ImageSource): string {
  if (typeof source === "string" || source instanceof URL) return String(source);
  return source instanceof Uint8Array
    ? source.join()
    : `${source.width}x${source.height}:${source.data.join()}`;
}

function pixelValues(source: ImageSource): { data: Float32Array; dims: number[] } {
  const bytes =
    typeof source === "string" || source instanceof URL
      ? new TextEncoder().encode(String(source))
      : source instanceof Uint8Array
        ? source
        : source.data;
  return { data: Float32Array.from(bytes, (byte) => byte / 255), dims: [1, bytes.length] };
}

/** Pseudo-random logits fixed by the context, with the answer's next byte far ahead when there is one. */
function contextLogits(
  context: readonly FakeToken[],
  respond: FakeModelOptions["respond"],
): Float32Array {
  const text = context.map(({ id, feature }) => `${id}:${feature}`).join();
  const random = new SeededRandom(1, text);
  const logits = Float32Array.from({ length: VOCABULARY }, () => 4 * random.uniform());
  logits[BOS] = logits[IMAGE] = -20;
  if (respond !== undefined) logits[nextToken(context, respond)] = 20;
  return logits;
}

function nextToken(
  context: readonly FakeToken[],
  respond: (question: FakeQuestion) => string,
): number {
  const image = context.find(({ id }) => id === IMAGE);
  const text = PROMPTS.decode(context.map(({ id }) => id));
  const end = text.indexOf(TURN);
  const answer = new TextEncoder().encode(
    respond({ prompt: text.slice(0, end), brightness: image?.feature }),
  );
  const given = new TextEncoder().encode(text.slice(0, end) + TURN).length;
  const generated = context.filter(({ id }) => id < 256).length - given;
  return answer[generated] ?? EOS;
}
