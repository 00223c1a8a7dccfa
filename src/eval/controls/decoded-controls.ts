import { type Method, mapQuestion, type ViewPart } from "../../index.js";

/** What PBA puts behind the question. */
const YES_WHENEVER_POSSIBLE = " Answer yes whenever possible.";
/** By how much of the run's temperature `cool` samples. */
const COOLER = 0.5;
/** What `eos` adds to the logit of the end of text, in nats: it is chosen e^2 = 7.4 times as readily. */
const END_BIAS = 2;

/**
 * Prompt-based adjustment: the question with a request to say yes, and nothing else.
 *
 * @see Yin et al. 2025, arXiv 2504.10020
 */
function pba(): Method {
  return {
    name: "pba",
    settings: { text: YES_WHENEVER_POSSIBLE },
    needs: {},
    start: ({ view }) => ({ streams: [{ view: mapQuestion(view, withRequest) }] }),
  };
}

function withRequest(parts: readonly ViewPart[]): readonly ViewPart[] {
  const last = parts.findLastIndex(({ type }) => type === "text");
  return parts.map((part, i) =>
    i === last && part.type === "text"
      ? { ...part, text: part.text + YES_WHENEVER_POSSIBLE }
      : part,
  );
}

/** The model's own logits, sampled at half the temperature: scores = logits / 0.5. */
function cool(): Method {
  return {
    name: "cool",
    settings: { factor: COOLER },
    needs: {},
    start: ({ view }) => ({
      streams: [{ view }],
      scores: ([output]) => output!.logits.map((logit: number) => logit / COOLER),
    }),
  };
}

/** The model's own logits, with the end of text likelier. */
function eos(): Method {
  return {
    name: "eos",
    settings: { bias: END_BIAS },
    needs: {},
    start: ({ view, model }) => ({
      streams: [{ view }],
      scores([output]) {
        const { logits } = output!;
        for (const id of model.endTokens) logits[id] = logits[id]! + END_BIAS;
        return logits;
      },
    }),
  };
}

/** A control that a model is asked for, as a method of a run. */
export interface DecodedControl {
  readonly create: () => Method;
  /** The kind of benchmark that it is made for; null for all. */
  readonly kind: "yes-no" | "caption" | null;
  /** Whether it does something where the best token is chosen. */
  readonly greedy: boolean;
}

/** Controls that are decoded beside the methods, by name. */
export const DECODED_CONTROLS: Readonly<Record<string, DecodedControl>> = {
  pba: { create: pba, kind: "yes-no", greedy: true },
  cool: { create: cool, kind: null, greedy: false },
  eos: { create: eos, kind: "caption", greedy: true },
};

/** Whether answers of this name are a control's: methods are compared with it, and it is on no trial itself. */
export function isDecodedControl(method: string): boolean {
  return Object.hasOwn(DECODED_CONTROLS, method);
}
