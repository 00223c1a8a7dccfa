import { GroundsightError, type ImageSource, type Model, type ReadRequest } from "../../index.js";
import type { Explanation, TokenEvidence } from "../contract/explanation.js";
import { mean } from "../statistics/cluster-estimate.js";
import { anyElement, verifyObjects } from "./ask-back.js";
import { attentionToImage } from "./image-attention.js";
import { lensConfidence } from "./logit-lens.js";
import type { SignalName, Signals } from "./signals.js";

/** A phrase with its tokens in the answer: first, and last exclusive; equal where none was found. */
export interface PlacedPhrase {
  readonly object: string;
  readonly tokens: readonly [number, number];
}

/** What signals are read from. */
export interface SignalSource {
  readonly model: Model;
  /** What is asked back about. */
  readonly image: ImageSource;
  /** The question, and the tokens of the answer. */
  readonly request: ReadRequest;
  readonly explanation: Explanation;
}

/** How signals are read. */
export interface SignalOptions {
  readonly names: readonly SignalName[];
  readonly wording: string;
  readonly elementPrompt: string;
  readonly attentionLayers: readonly number[];
  /** All where left out. */
  readonly lensLayers?: readonly number[] | undefined;
}

/** The signals of some phrases. */
export interface SignalsRead {
  /** For each phrase. */
  readonly signals: readonly Signals[];
  /** What could not be read, and why. */
  readonly warnings: readonly string[];
}

/** Numbers of a signal, one for each phrase. */
type Column = readonly (number | null)[];

/**
 * Reads signals of phrases. What is asked back is asked once for each object, of all objects together; what a model does
 * not offer is null, with a warning.
 */
export async function readSignals(
  source: SignalSource,
  phrases: readonly PlacedPhrase[],
  options: SignalOptions,
): Promise<SignalsRead> {
  const warnings: string[] = [];
  const columns: [SignalName, Column][] = [];
  for (const name of options.names) {
    columns.push([name, await column(name, source, phrases, options, warnings)]);
  }
  const signals = phrases.map((_, i) =>
    Object.fromEntries(columns.map(([name, values]) => [name, values[i] ?? null])),
  );
  return { signals, warnings };
}

async function column(
  name: SignalName,
  source: SignalSource,
  phrases: readonly PlacedPhrase[],
  options: SignalOptions,
  warnings: string[],
): Promise<Column> {
  const { explanation } = source;
  const of = OF_TOKENS[name];
  if (of !== undefined) {
    const { tokens } = explanation;
    const values = phrases.map(({ tokens: [from, to] }) =>
      from === to ? null : of(tokens.slice(from, to), explanation),
    );
    if (name === "baseRank" && explanation.base?.kind !== "base-llm") {
      warnings.push("baseRank: no base LLM was given, so that it is not told (loadTextModel)");
    }
    return values;
  }
  try {
    return await asked(name, source, phrases, options);
  } catch (error) {
    if (!isNotOffered(error)) throw error;
    warnings.push(`${name}: ${error.message}`);
    return phrases.map(() => null);
  }
}

/** What this model or graph cannot give, as opposed to what is wrong or broken. */
function isNotOffered(error: unknown): error is GroundsightError {
  return (
    GroundsightError.isInstance(error) &&
    (error.code === "UNSUPPORTED_CAPABILITY" || error.code === "SHAPE")
  );
}

async function asked(
  name: SignalName,
  { model, image, request, explanation }: SignalSource,
  phrases: readonly PlacedPhrase[],
  { wording, elementPrompt, attentionLayers, lensLayers }: SignalOptions,
): Promise<Column> {
  const { signal } = request;
  const objects = [...new Set(phrases.map(({ object }) => object))];
  const ofObject = (values: Column) =>
    phrases.map(({ object }) => values[objects.indexOf(object)] ?? null);
  switch (name) {
    case "verification":
      return ofObject(await verifyObjects(model, image, objects, { wording, signal }));
    case "anyElement":
      return ofObject(await anyElement(model, image, objects, { prompt: elementPrompt, signal }));
    case "logitLens": {
      const prompt = explanation.question;
      return ofObject(await lensConfidence(model, image, objects, { prompt, layers: lensLayers }));
    }
    default: {
      const shares = await attentionToImage(model, request, attentionLayers);
      return phrases.map(({ tokens: [from, to] }) => mean(shares.slice(from, to)));
    }
  }
}

/** Signals that the explanation of an answer tells already. */
const OF_TOKENS: Partial<
  Record<SignalName, (tokens: readonly TokenEvidence[], of: Explanation) => number | null>
> = {
  logprob: (tokens) => sum(tokens.map(({ logprob }) => logprob)),
  entropy: ([first]) => first!.entropy,
  distorted: (tokens) => sum(tokens.map((token) => token.distorted?.difference ?? null)),
  imageless: (tokens) => sum(tokens.map((token) => token.imageless?.difference ?? null)),
  baseRank: ([first], { base }) => (base?.kind === "base-llm" ? (first!.base?.rank ?? null) : null),
};

function sum(values: readonly (number | null)[]): number | null {
  return values.reduce((all, value) => (all === null || value === null ? null : all + value), 0);
}
