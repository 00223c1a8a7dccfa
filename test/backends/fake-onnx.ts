import { type InferenceSession, Tensor } from "onnxruntime-common";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { OnnxParts } from "../../src/backends/onnx/parts.js";
import type { Session, Tensors } from "../../src/backends/onnx/runtime.js";
import type { ModelFamily, PromptTools } from "../../src/families/family.js";
import {
  earlierPrompts,
  expandImageTokens,
  plainPositions,
} from "../../src/families/shared-prompts.js";
import { LocalModel, type LocalModelOptions } from "../../src/model/local-model.js";
import { contextLogits, type FakeModelOptions } from "../../src/testing/fake-model.js";
import {
  ANSWER_MARK,
  BEGIN_TOKEN,
  END_TOKEN,
  fakeImage,
  fakeText,
  IMAGE_TOKEN,
  IMAGE_TOKEN_ID,
  meanFeatures,
  VOCABULARY,
} from "../../src/testing/fake-tokens.js";
import { FAKE_HIDDEN, type FakeCache, fakeDecoder } from "./fake-decoder.js";

/** Options of {@link fakeOnnxModel}. */
export interface FakeOnnxOptions extends FakeModelOptions, LocalModelOptions {
  /** How the cache is fed and returned. Default masked, new rows only. */
  readonly cache?: FakeCache;
}

/** The fake model behind the ONNX backend: its graphs are functions, its cache, prompts and features are real. */
export function fakeOnnxModel(options: FakeOnnxOptions = {}): LocalModel {
  return new LocalModel(new OnnxBackend(fakeOnnxParts(options)), options);
}

/** The parts of a {@link fakeOnnxModel}, to be changed before a backend is made of them. */
export function fakeOnnxParts(options: FakeOnnxOptions = {}): OnnxParts {
  const cache = options.cache ?? { pastLayout: "masked", returnsNewRows: true };
  const logits = options.logits ?? ((context) => contextLogits(context, options.respond));
  const contextLength = options.contextLength ?? 4096;
  return {
    runtime: { Tensor },
    family: { ...FAMILY, facts: { ...FAMILY.facts, contextLength } },
    prompts: PROMPTS,
    graphs: {
      embed: fakeSession((feeds) => ({ inputs_embeds: embed(feeds.input_ids!) })),
      vision: {
        session: fakeSession(({ pixel_values: pixels }) => {
          const { data, dims } = meanFeatures(pixels!.data as Float32Array);
          return { image_features: new Tensor("float32", data, dims) };
        }),
        feeds: {},
      },
      decoder: { session: fakeDecoder(Tensor, cache, logits), ...cache, feeds: {} },
    },
    info: {
      id: "fake",
      family: "fake",
      dtype: "fp32",
      vocabularySize: VOCABULARY,
      hiddenSize: FAKE_HIDDEN,
      layers: 1,
      contextLength,
      cache: cache.returnsNewRows ? "delta" : "whole",
    },
    endTokens: new Set([END_TOKEN]),
    defaultMaxTokens: 64,
    memory: { visionBytes: 2 ** 20, prefixBytes: 2 ** 20 },
    async openImage(source) {
      const { key, values } = fakeImage(source);
      const pixels = { data: values, dims: [1, values.length] };
      const process = async () => ({
        pixels,
        pixelsInput: "pixel_values",
        inputs: {},
        layout: null,
      });
      return { key, process };
    },
    hash: async () => "fake",
    release: async () => {},
  };
}

const FAMILY: ModelFamily = {
  name: "fake",
  facts: {
    contextLength: 0,
    vocabularySize: VOCABULARY,
    hiddenSize: FAKE_HIDDEN,
    layers: 1,
    endTokens: [END_TOKEN],
    patchSize: undefined,
  },
  imageToken: IMAGE_TOKEN,
  process: async () => {
    throw new Error("the fake loader processes images by itself");
  },
  layOut(turns, images, tools) {
    const rendered = tools.encode(tools.render(turns, true));
    const counts = images.map(({ tokens }) => tokens);
    const { tokens, images: spans } = expandImageTokens(rendered, IMAGE_TOKEN_ID, counts);
    const earlier = earlierPrompts(turns, rendered, tools).map(
      (length) =>
        expandImageTokens(rendered.slice(0, length), IMAGE_TOKEN_ID, counts).tokens.length,
    );
    const sharedLengths = [...new Set([...spans.map(({ end }) => end), ...earlier])];
    return {
      tokens,
      positions: plainPositions(tokens.length),
      images: spans,
      sharedLengths: sharedLengths.sort((a, b) => a - b),
    };
  },
};

const PROMPTS: PromptTools = {
  render: (turns) =>
    turns
      .map(({ role, parts }) => {
        const said = parts
          .map((part) => (part.type === "image" ? IMAGE_TOKEN : part.text))
          .join("");
        return `${said}${role === "user" ? ANSWER_MARK : "\n"}`;
      })
      .join(""),
  encode: (text) => [
    BEGIN_TOKEN,
    ...text
      .split(IMAGE_TOKEN)
      .flatMap((part, i) => [
        ...(i === 0 ? [] : [IMAGE_TOKEN_ID]),
        ...new TextEncoder().encode(part),
      ]),
  ],
  encodeText: (text) => [...new TextEncoder().encode(text)],
  decode: fakeText,
  controls: [IMAGE_TOKEN],
};

/** A session that is a function. */
export function fakeSession(run: (feeds: Tensors) => Tensors): Session {
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
