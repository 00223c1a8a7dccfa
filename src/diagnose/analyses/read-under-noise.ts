import { applyPlausibility, diffusedView, type Model, softmax } from "../../index.js";
import { argMax } from "../../math/arg-max.js";
import type { AnalysisContext } from "../contract/analysis.js";
import type { ScoredAnswer } from "./ask-set.js";
import { captionObjects } from "./captions.js";
import { keepOne } from "./kept-work.js";

/** A token of a caption, as it is predicted with the image and with the image under noise. */
export interface NoisyToken {
  readonly image: string;
  /** Whether an object's name begins with it. */
  readonly isObject: boolean;
  /** Whether it is the likeliest token under noise, too. */
  readonly isSame: boolean;
  /** Probability of the tokens that the plausibility constraint takes out, of the image alone. */
  readonly implausible: number;
  /** Their probability after contrast without the constraint: softmax(2 l(v) - l(v')). */
  readonly implausibleAfterContrast: number;
}

/** VCD's beta: tokens with less than this share of the best one's probability are implausible. */
const BETA = 0.1;

/** Every token of captions, read once with the image and once under noise of a step. */
export async function readUnderNoise(
  context: Pick<AnalysisContext, "model" | "data" | "signal" | "seed" | "keep">,
  captions: readonly ScoredAnswer[],
  step: number,
  onCaption: () => void,
): Promise<NoisyToken[]> {
  const { model, data, signal, seed, keep } = context;
  const objectsOf = await captionObjects(data);
  const tokens: NoisyToken[] = [];
  for (const { question, answer } of captions) {
    const { image, prompt } = question;
    const objects = new Set(objectsOf(image, answer).map(({ token }) => token));
    const request = {
      image: data.image(image),
      prompt,
      answer: answer.tokens.map(({ id }) => id),
      seed,
      signal,
    };
    const read = async () => {
      const found: NoisyToken[] = [];
      await readBoth(model, request, step, (clear, noisy, token, position) => {
        found.push({
          image,
          isObject: objects.has(position),
          isSame: argMax(noisy) === token,
          ...implausibleMasses(clear, noisy),
        });
      });
      return found;
    };
    tokens.push(...(await keepOne(keep, [request, [...objects], step], read)));
    onCaption();
  }
  return tokens;
}

/** Reads an answer with the image and under noise, and tells of each position when both are there. */
async function readBoth(
  model: Model,
  request: Parameters<Model["read"]>[0],
  step: number,
  onPosition: (clear: Float32Array, noisy: Float32Array, token: number, position: number) => void,
): Promise<void> {
  const waiting = new Map<number, Float32Array>();
  await model.read(request, {
    streams: (run) => [{ view: run.view }, { view: diffusedView(run, step) }],
    onPosition({ logits }, position, stream, token) {
      const other = waiting.get(position);
      if (other === undefined) {
        waiting.set(position, logits.slice());
        return;
      }
      waiting.delete(position);
      const [clear, noisy] = stream === 0 ? [logits, other] : [other, logits];
      onPosition(clear, noisy, token, position);
    },
  });
}

function implausibleMasses(
  clear: Float32Array,
  noisy: Float32Array,
): Pick<NoisyToken, "implausible" | "implausibleAfterContrast"> {
  const kept = clear.slice();
  applyPlausibility(clear, BETA, kept);
  const out = (logits: Float32Array) => {
    let mass = 0;
    softmax(logits).forEach((p, id) => {
      if (kept[id] === Number.NEGATIVE_INFINITY) mass += p;
    });
    return mass;
  };
  return {
    implausible: out(clear),
    implausibleAfterContrast: out(clear.map((logit, id) => 2 * logit - noisy[id]!)),
  };
}
