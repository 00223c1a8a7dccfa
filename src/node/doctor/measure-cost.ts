import type { Backend, OpenedImage } from "../../engine/backend.js";
import { median } from "../../math/median.js";
import { decodePlainly, layOutWhole } from "./decode-plainly.js";

/** What a model costs on this machine. */
export interface Cost {
  /** Tokens of the prompt that was measured, one image among it. */
  readonly promptTokens: number;
  /** Encoding the image, the first time. */
  readonly imageMs: number;
  /** Reading the prompt: the median of several times. */
  readonly prefillMs: number;
  /** The median of all tokens behind the first. */
  readonly msPerToken: number;
  /** Bytes of the graphs and their weights on disk. */
  readonly weightBytes: number;
  /** Bytes of the cache for a token. */
  readonly cacheBytesPerToken: number;
  /** Bytes of states of fixed size for an answer, whatever its length; 0 where the decoder has none. */
  readonly cacheBytesPerContext: number;
  /** By how many bytes the process grew from before the model was opened to behind the measurement. */
  readonly residentBytes: number;
}

const [ROUNDS, STEPS] = [3, 16];

/** Measures a prompt with one image, read anew each time, and some tokens of its answer. */
export async function measureCost(
  backend: Backend,
  image: OpenedImage,
  before: {
    readonly imageMs: number;
    readonly weightBytes: number;
    readonly residentBytes: number;
  },
): Promise<Cost> {
  const prompt = await layOutWhole(backend, image);
  const answers = [];
  for (let round = 0; round < ROUNDS; round++) {
    answers.push(await decodePlainly(backend, prompt, STEPS));
  }
  return {
    promptTokens: prompt.tokens.length,
    imageMs: before.imageMs,
    prefillMs: median(answers.map(({ prefillMs }) => prefillMs))!,
    msPerToken: median(answers.flatMap(({ stepMs }) => stepMs))!,
    weightBytes: before.weightBytes,
    cacheBytesPerToken: backend.facts.bytesPerToken,
    cacheBytesPerContext: backend.facts.bytesPerContext,
    residentBytes: Math.max(0, process.memoryUsage.rss() - before.residentBytes),
  };
}
