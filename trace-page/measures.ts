import type { Explanation, TokenEvidence } from "../src/diagnose/contract/explanation.js";
import { number, probability, signed } from "./format.js";

/** How a word is coloured and underlined: `against` orange, `for` blue, each in three steps, or not at all. */
export type Tone = "plain" | "against-1" | "against-2" | "against-3" | "for-1" | "for-2" | "for-3";

/** A step of a scale. */
export interface Step {
  readonly tone: Tone;
  /** The values that it stands for. */
  readonly label: string;
}

/** A way of colouring words. */
export interface Measure {
  readonly name: string;
  readonly label: string;
  /** What it tells, in a sentence. */
  readonly summary: string;
  /** Whether a trace holds it. */
  isIn(trace: Explanation): boolean;
  /** Its steps, and the value and step of each token; null where a token has no value. */
  read(trace: Explanation): {
    readonly steps: readonly Step[];
    readonly tokens: readonly (Reading | null)[];
  };
}

/** What a measure says of a token. */
export interface Reading {
  readonly step: Step;
  readonly value: string;
}

interface Scale {
  /** Upper bounds of all steps but the last. */
  readonly bounds: readonly number[];
  readonly tones: readonly Tone[];
  readonly format: (value: number) => string;
}

type Values = readonly (number | null)[];

/** A measure of values in steps. */
function stepped(
  named: Pick<Measure, "name" | "label" | "summary">,
  valuesIn: (trace: Explanation) => Values,
  scaleOf: Scale | ((values: readonly number[]) => Scale),
): Measure {
  return {
    ...named,
    isIn: (trace) => valuesIn(trace).some((value) => value !== null),
    read(trace) {
      const values = valuesIn(trace);
      const scale =
        typeof scaleOf === "function" ? scaleOf(values.filter((value) => value !== null)) : scaleOf;
      const { bounds, tones, format } = scale;
      const steps = tones.map((tone, k) => ({ tone, label: rangeText(bounds, k, format) }));
      const tokens = values.map((value) => {
        if (value === null) return null;
        const k = bounds.findIndex((bound) => value < bound);
        return { step: steps.at(k)!, value: format(value) };
      });
      return { steps, tokens };
    },
  };
}

/** Values that stand with the tokens. */
function each(
  tokenValue: (token: TokenEvidence) => number | null | undefined,
): (trace: Explanation) => Values {
  return ({ tokens }) => tokens.map((token) => tokenValue(token) ?? null);
}

/** Trust of the least trusted phrase that each token belongs to. */
function trustOf({ tokens, phrases }: Explanation): Values {
  const values: (number | null)[] = tokens.map(() => null);
  for (const {
    trust,
    tokens: [first, end],
  } of phrases) {
    if (trust === null) continue;
    for (let i = first; i < end; i++) values[i] = Math.min(values[i] ?? 1, trust);
  }
  return values;
}

function rangeText(bounds: readonly number[], k: number, format: Scale["format"]): string {
  if (k === 0) return `below ${format(bounds[0]!)}`;
  if (k === bounds.length) return `${format(bounds[k - 1]!)} and above`;
  return `${format(bounds[k - 1]!)} to ${format(bounds[k]!)}`;
}

const DIFFERENCE: Scale = {
  bounds: [-1, -0.1, 0.1, 1, 3],
  tones: ["against-2", "against-1", "plain", "for-1", "for-2", "for-3"],
  format: signed,
};

/** All measures, in the order in which they are offered. */
export const MEASURES: readonly Measure[] = [
  stepped(
    {
      name: "trust",
      label: "Trust in phrases",
      summary:
        "Estimated probability that what a phrase names is in the image. A question mark stands behind doubtful phrases.",
    },
    trustOf,
    {
      bounds: [0.25, 0.5, 0.75, 0.9],
      tones: ["against-3", "against-2", "against-1", "for-1", "for-2"],
      format: probability,
    },
  ),
  stepped(
    {
      name: "imageless",
      label: "What the image adds",
      summary:
        "ln p with the image less ln p without it. Above 0 the image speaks for a word, around 0 language says it anyway, below 0 the image speaks against it.",
    },
    each(({ imageless }) => imageless?.difference),
    DIFFERENCE,
  ),
  stepped(
    {
      name: "distorted",
      label: "What noise takes away",
      summary:
        "ln p with the image less ln p with the image under noise (VCD). Around 0 the word does not hang on what the image shows.",
    },
    each(({ distorted }) => distorted?.difference),
    DIFFERENCE,
  ),
  stepped(
    {
      name: "probability",
      label: "Probability",
      summary: "How likely the model found each token in its place.",
    },
    each(({ probability: value }) => value),
    {
      bounds: [0.1, 0.5, 0.9],
      tones: ["against-3", "against-2", "against-1", "plain"],
      format: probability,
    },
  ),
  stepped(
    {
      name: "entropy",
      label: "Entropy",
      summary: "How unsure the model was in each place, in nats: high where many tokens compete.",
    },
    each(({ entropy }) => entropy),
    {
      bounds: [0.5, 1, 2],
      tones: ["plain", "against-1", "against-2", "against-3"],
      format: number,
    },
  ),
  {
    name: "base",
    label: "Base rank",
    summary:
      "Whether the language model says the same without any image: unshifted, it does; shifted, the token comes of the image or of tuning.",
    isIn: ({ tokens }) => tokens.some(({ base }) => base !== null),
    read({ tokens }) {
      const steps = {
        unshifted: { tone: "against-1", label: "unshifted: rank 0" },
        marginal: { tone: "plain", label: "marginal: rank 1 to 2" },
        shifted: { tone: "for-2", label: "shifted: beyond" },
      } as const;
      return {
        steps: Object.values(steps),
        tokens: tokens.map(({ base }) =>
          base === null ? null : { step: steps[base.shift], value: `rank ${base.rank}` },
        ),
      };
    },
  },
  stepped(
    {
      name: "attention",
      label: "Attention on the image",
      summary: "Share of attention that lies on the image, in steps of a quarter of the highest.",
    },
    each(({ attention }) => attention),
    (values) => {
      const highest = values.reduce((most, value) => Math.max(most, value), 0);
      return {
        bounds: [highest / 4, highest / 2, (highest * 3) / 4],
        tones: ["plain", "for-1", "for-2", "for-3"],
        format: (value) => value.toFixed(3),
      };
    },
  ),
];
