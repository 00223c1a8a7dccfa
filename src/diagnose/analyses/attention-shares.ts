import {
  attentionEdit,
  attentionOutput,
  imageAttentionOutput,
  type Model,
  type StepOutputs,
} from "../../index.js";
import type { AnalysisContext } from "../contract/analysis.js";
import { mean } from "../statistics/cluster-estimate.js";
import type { ModelCaption } from "./captions.js";

/** What attention may lie on; the template is all that stands around image and question. */
export const PARTS = ["image", "question", "template", "answer"] as const;

/** See {@link PARTS}. */
export type Part = (typeof PARTS)[number];

/** Shares of the parts, together 1. */
export type Shares = Readonly<Record<Part, number>>;

/** Attention while one token of a caption is predicted. */
export interface Looked {
  readonly image: string;
  /** By layer, in the order in which layers are asked for. */
  readonly shares: readonly Shares[];
  /** Of the tokens that can be attended to. */
  readonly tokens: Shares;
  /** Of the first token of an object, whether it is there; undefined of other tokens. */
  readonly isThere: boolean | undefined;
}

/**
 * Makes sure that a model's attention can be read.
 *
 * @throws UnsupportedCapabilityError or ShapeError naming the layer where it cannot
 */
export async function prepareLooking(model: Model, layers: readonly number[]): Promise<void> {
  await model.prepare({
    name: "attention",
    settings: {},
    needs: { edits: [attentionEdit(layers)] },
    start: ({ view }) => ({ streams: [{ view }] }),
  });
}

/** The weights of a layer while one token is predicted, the mean over heads. */
interface Weights {
  readonly all: Float64Array;
  readonly image: number;
}

/**
 * Attention at each token of a caption, the mean over heads.
 *
 * @returns also whether the question was found among the prompt's tokens; if not, it counts to the template
 */
export async function lookAt(
  { model, data, signal }: AnalysisContext,
  { image, prompt, answer, objects }: ModelCaption,
  layers: readonly number[],
): Promise<{ looked: Looked[]; isPlaced: boolean }> {
  const edit = attentionEdit(layers);
  const weights: Weights[][] = [];
  const { prompts } = await model.read(
    { image: data.image(image), prompt, answer: answer.tokens.map(({ id }) => id), signal },
    {
      streams: ({ view }) => [{ view, edits: [{ edit, strength: 1 }] }],
      onPosition: ({ readings }, position) => {
        weights[position] = layers.map((layer) => weightsOf(readings, layer));
      },
    },
  );
  const [tokens = []] = prompts;
  const question = placeOf(tokens, await model.encode(prompt));
  const isThere = new Map(objects.map((object) => [object.token, object.isThere]));
  const { imageTokens } = answer.usage;
  const looked = weights.slice(0, answer.tokens.length).map((byLayer, position) => ({
    image,
    shares: byLayer.map((one) => sharesOf(one.all, one.image, tokens.length, question)),
    tokens: sharesOf(
      new Float64Array(tokens.length + position).fill(1 / (tokens.length + position)),
      imageTokens / (tokens.length + position),
      tokens.length,
      question,
    ),
    isThere: isThere.get(position),
  }));
  return { looked, isPlaced: question.length > 0 };
}

function weightsOf(readings: StepOutputs["readings"], layer: number): Weights {
  const numbers = readings![attentionOutput(layer)]!;
  const onImage = readings![imageAttentionOutput(layer)]!;
  const heads = onImage.length;
  const length = numbers.length / heads;
  const all = new Float64Array(length);
  numbers.forEach((weight, i) => {
    all[i % length]! += weight / heads;
  });
  return { all, image: mean([...onImage])! };
}

/** Tokens of a question in a prompt. */
interface Place {
  readonly start: number;
  readonly length: number;
}

/** The last place where the question's tokens stand; its first one may be another behind what the template puts there. */
function placeOf(prompt: readonly number[], question: readonly number[]): Place {
  for (const skipped of [0, 1]) {
    const wanted = question.slice(skipped);
    if (wanted.length === 0) break;
    for (let start = prompt.length - wanted.length; start >= 0; start--) {
      if (wanted.every((id, i) => prompt[start + i] === id))
        return { start, length: wanted.length };
    }
  }
  return { start: 0, length: 0 };
}

function sharesOf(
  all: Float64Array,
  image: number,
  promptLength: number,
  { start, length }: Place,
): Shares {
  const sum = (from: number, to: number) => all.subarray(from, to).reduce((a, b) => a + b, 0);
  const question = sum(start, start + length);
  return {
    image,
    question,
    template: Math.max(0, sum(0, promptLength) - image - question),
    answer: sum(promptLength, all.length),
  };
}
