import type { Backend, OpenedImage, Prompt } from "../../engine/backend.js";
import { ORIGINAL_IMAGE } from "../../engine/image-variant.js";
import type { ActiveEdit, Stream } from "../../engine/method.js";
import type { StepOutputs } from "../../engine/step.js";
import type { PromptPositions } from "../../families/family.js";
import { argMax } from "../../math/arg-max.js";

/** The question that a checkpoint is asked. */
export const QUESTION = "Describe the image.";

/** A prompt as backends here lay it out: one that shares its beginning with no other is computed from its first token on. */
interface WholePrompt extends Prompt {
  readonly positions: PromptPositions;
  readonly prefixes: readonly never[];
  readonly wholeKey: undefined;
}

/** What a prompt's greedy answer was made of. */
export interface PlainAnswer {
  readonly tokens: readonly number[];
  /** Logits (V) of each token. */
  readonly logits: readonly Float32Array[];
  readonly prefillMs: number;
  /** Of each token behind the first. */
  readonly stepMs: readonly number[];
}

/** The question about one image, with edits of the graphs. */
export function questionStream(edits: readonly ActiveEdit[] = []): Stream {
  const parts = [
    { type: "image", image: 0, variant: ORIGINAL_IMAGE },
    { type: "text", text: QUESTION },
  ] as const;
  return { view: [{ role: "user", parts }], edits };
}

/** The question about an image, laid out to be computed as a whole. */
export async function layOutWhole(
  backend: Backend,
  image: OpenedImage,
  edits?: readonly ActiveEdit[],
): Promise<WholePrompt> {
  const prompt = (await backend.layOut(questionStream(edits), [image], false)) as WholePrompt;
  return { ...prompt, prefixes: [], wholeKey: undefined };
}

/** The prompt with tokens of its answer behind it, to be read at once. */
export function goOnWith(prompt: WholePrompt, tokens: readonly number[]): WholePrompt {
  const { planes, next } = prompt.positions;
  const behind = Int32Array.from(tokens, (_, i) => next + i);
  return {
    ...prompt,
    tokens: [...prompt.tokens, ...tokens],
    positions: {
      planes: planes.map((plane) => Int32Array.of(...plane, ...behind)),
      next: next + tokens.length,
    },
  };
}

/**
 * Answers greedily, one context alone, as decoding is defined.
 *
 * @param steps tokens of the answer, the end of text among them: it does not end here
 */
export async function decodePlainly(
  backend: Backend,
  prompt: Prompt,
  steps: number,
): Promise<PlainAnswer> {
  const startedAt = performance.now();
  const [opened] = await backend.open([{ prompt, maxTokens: steps }]);
  if ("failure" in opened!) throw opened.failure;
  const { context } = opened!;
  const prefillMs = performance.now() - startedAt;
  const [tokens, logits, stepMs]: [number[], Float32Array[], number[]] = [[], [], []];
  try {
    for (let outputs: StepOutputs = opened!.outputs; ; ) {
      const row = outputs.logits.slice();
      logits.push(row);
      tokens.push(argMax(row));
      if (tokens.length === steps) break;
      const stepAt = performance.now();
      const [result] = await backend.extend([{ context, token: tokens.at(-1)! }]);
      if ("failure" in result!) throw result.failure;
      stepMs.push(performance.now() - stepAt);
      outputs = result!.outputs;
    }
  } finally {
    backend.close([context]);
  }
  return { tokens, logits, prefillMs, stepMs };
}
