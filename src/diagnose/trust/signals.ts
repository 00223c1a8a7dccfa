/** What is read of a phrase to tell whether it is there. Logarithms are natural, in nats. */

import { InvalidArgumentError } from "../../index.js";

/** Names of the signals. */
export type SignalName =
  | "verification"
  | "anyElement"
  | "logprob"
  | "entropy"
  | "distorted"
  | "imageless"
  | "baseRank"
  | "attention"
  | "logitLens";

/** Signals of a phrase; null where one could not be read. */
export type Signals = Readonly<Partial<Record<SignalName, number | null>>>;

/** One kind of evidence. */
export interface Signal {
  /** What it is, in a line. */
  readonly summary: string;
  /** 1 where a high value speaks for the phrase, -1 where it speaks against it. */
  readonly sign: 1 | -1;
  /** What a low trust owes to a value, in words. */
  reason(value: number, object: string): string;
  /** The scale on which it is combined with others; as it is where left out. */
  scaled?(value: number): number;
}

/** All signals, in the order in which they are told. */
export const SIGNALS: Readonly<Record<SignalName, Signal>> = {
  verification: {
    summary: "asked whether it is there: ln p(no) - ln p(yes)",
    sign: -1,
    reason: (value, object) =>
      value > 0
        ? `asked back, the model says no: ${percent(noShare(value))} against ${object}`
        : `asked back, the model says yes with ${percent(1 - noShare(value))} only`,
  },
  anyElement: {
    summary: "ln of its probability as the answer to what is in the image (LPFV)",
    sign: 1,
    reason: (value) =>
      `it is an unlikely answer to what is in the image (${percent(Math.exp(value))})`,
  },
  logprob: {
    summary: "ln of its probability where it stands",
    sign: 1,
    reason: (value) => `where it stands the model gives it ${percent(Math.exp(value))}`,
  },
  entropy: {
    summary: "entropy where it begins",
    sign: -1,
    reason: (value) => `other words were about as likely (entropy ${value.toFixed(2)} nats)`,
  },
  distorted: {
    summary: "ln of its probability less that under noise",
    sign: 1,
    reason: (value) => withoutSight(value, "with noise on the image"),
  },
  imageless: {
    summary: "ln of its probability less that without the image",
    sign: 1,
    reason: (value) => withoutSight(value, "without the image"),
  },
  baseRank: {
    summary: "base rank where it begins",
    sign: 1,
    reason: (value) =>
      value === 0
        ? "a language model that sees nothing says the same"
        : `a language model that sees nothing ranks it ${value + 1}`,
    scaled: Math.log1p,
  },
  attention: {
    summary: "share of middle layers' attention that lies on the image",
    sign: 1,
    reason: (value) => `little attention lies on the image (${percent(value)})`,
  },
  logitLens: {
    summary: "ln of the highest probability that a hidden state at the image gives it",
    sign: 1,
    reason: (value) =>
      `no part of the image is read as it within the model (at most ${percent(Math.exp(value))})`,
  },
};

/** Names of the signals, in the order in which they are told. */
export const SIGNAL_NAMES: readonly SignalName[] = Object.keys(SIGNALS) as SignalName[];

/** @throws InvalidArgumentError for a name that is none */
export function checkSignals(names: readonly SignalName[]): void {
  const unknown = names.find((name) => !SIGNAL_NAMES.includes(name));
  if (unknown === undefined) return;
  throw new InvalidArgumentError(
    `signals: received ${JSON.stringify(unknown)}; expected some of ${SIGNAL_NAMES.join(", ")}`,
  );
}

/** @param difference ln p as it is, less ln p so */
function withoutSight(difference: number, seen: string): string {
  const nats = `${Math.abs(difference).toFixed(1)} nats`;
  if (difference < -0.1) return `${seen} it is likelier (by ${nats})`;
  return difference > 0.1
    ? `${seen} it is hardly less likely (by ${nats})`
    : `${seen} it is as likely`;
}

/** The share of no, of no and yes together. */
function noShare(difference: number): number {
  return 1 / (1 + Math.exp(-difference));
}

function percent(share: number): string {
  const value = 100 * share;
  return value > 0 && value < 0.1 ? "below 0.1%" : `${value.toFixed(value < 10 ? 1 : 0)}%`;
}
