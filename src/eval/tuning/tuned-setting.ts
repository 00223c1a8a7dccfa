import { z } from "zod";
import { DatasetError, InvalidArgumentError } from "../../errors.js";
import type { JsonValue, NamedMethod } from "../../index.js";
import { parseJson } from "../data/parse-rows.js";
import type { Decoding } from "../report/run-analysis.js";
import type { HeldOut, RunSet } from "../run/plan-run.js";
import { isAbout } from "../run/split-questions.js";
import type { Interval } from "../statistics/cluster-bootstrap.js";
import type { AnsweringCheckpoint } from "../store/run-settings.js";
import type { DevSplit, DevThreshold, SplitPart, TunedMark } from "../store/tuned.js";

/** Figures of one setting that was tried. */
export interface TriedSetting {
  /** Its name in the run that tried it, for example `vcd:alpha=0.5`. */
  readonly name: string;
  /** Mean over the sets of its place among the settings, 1 being the best; equal ones share their places. */
  readonly rank: number;
  /** The primary metric of each set. */
  readonly figures: readonly {
    readonly set: string;
    readonly value: number | null;
    readonly interval: Interval | null;
  }[];
}

/** A method's setting with how it was chosen: what `tune` writes and `evaluate` takes. */
export interface TunedSetting {
  /** Of this package. */
  readonly version: string;
  readonly model: AnsweringCheckpoint;
  /** The method's name in runs, for example `vcd`. */
  readonly name: string;
  /** The chosen setting. */
  readonly method: NamedMethod;
  readonly decoding: Decoding;
  /** Null where the questions were files of their own (the pocket sets). */
  readonly split: DevSplit | null;
  /** What it was chosen on. */
  readonly sets: readonly {
    readonly name: string;
    readonly benchmark: string;
    readonly rule: string;
    readonly metric: string;
    readonly questions: number;
  }[];
  /** The name of the chosen one of `tried`. */
  readonly chosen: string;
  /** In the order in which they were tried. */
  readonly tried: readonly TriedSetting[];
  /** Of yes/no benchmarks, chosen on the same questions; absent where none was. */
  readonly thresholds?: readonly DevThreshold[];
  /** Every image that was asked about. A run with this setting asks about none of them. */
  readonly images: readonly string[];
}

const number = z.number();
const json: z.ZodType<JsonValue> = z.json() as z.ZodType<JsonValue>;
/** Names are shown in terminals: no control characters. */
const name = z.string().regex(/^\P{Cc}+$/u, "expected a name without control characters");
const SHAPE = z.object({
  version: z.string(),
  model: z.object({
    id: name,
    hash: z.string(),
    dtype: z.string(),
    adapter: z.string().exactOptional(),
    device: z.string().exactOptional(),
  }),
  name,
  method: z.object({ name, settings: z.record(z.string(), json) }),
  decoding: z.enum(["greedy", "sampling"]),
  split: z.object({ seed: number, share: number }).nullable(),
  sets: z.array(
    z.object({
      name,
      benchmark: z.string(),
      rule: z.string(),
      metric: z.string(),
      questions: number,
    }),
  ),
  chosen: z.string(),
  tried: z.array(
    z.object({
      name: z.string(),
      rank: number,
      figures: z.array(
        z.object({
          set: z.string(),
          value: number.nullable(),
          interval: z.object({ low: number, high: number }).nullable(),
        }),
      ),
    }),
  ),
  thresholds: z
    .array(
      z.object({
        benchmark: z.string(),
        rule: z.string(),
        promptVariant: z.string().exactOptional(),
        promptSuffix: z.string(),
        questions: number,
        threshold: number,
      }),
    )
    .exactOptional(),
  images: z.array(z.string()).min(1),
});

/**
 * The tuned setting of a file's text.
 *
 * @param file its name, for messages
 * @throws DatasetError naming the field that is not as `tune` writes it
 */
export function parseTunedSetting(text: string, file: string): TunedSetting {
  const found = SHAPE.safeParse(parseJson(text, file));
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new DatasetError(
    `${file}: field ${issue?.path.join(".") || "(whole)"}: ${issue?.message}; ` +
      "expected a file that 'groundsight tune' wrote",
  );
}

/** What the settings of a run say of a tuned setting. */
export function tunedMark(tuned: TunedSetting): TunedMark {
  const { sets, split, images, tried, decoding, model, thresholds } = tuned;
  return {
    sets: sets.map(({ name }) => name),
    split,
    questions: sets.reduce((sum, { questions }) => sum + questions, 0),
    images: images.length,
    tried: tried.length,
    decoding,
    ...(thresholds === undefined ? {} : { thresholds }),
    model: { id: model.id, hash: model.hash },
  };
}

/**
 * What a run with tuned settings leaves out of files that they were tuned on; undefined where those were files of
 * their own.
 *
 * @throws InvalidArgumentError where they were tuned on different splits: no part of a file is left then
 */
export function heldOutBy(tuned: readonly TunedSetting[]): HeldOut | undefined {
  const splits = tuned.flatMap(({ name, split }) => (split === null ? [] : [{ name, ...split }]));
  const [first] = splits;
  if (first === undefined) return undefined;
  const other = splits.find(({ seed, share }) => seed !== first.seed || share !== first.share);
  if (other !== undefined) {
    const shown = ({ name, seed, share }: typeof first) => `${name} with seed ${seed}, ${share}`;
    throw new InvalidArgumentError(
      `settings: tuned on different splits (${shown(first)}; ${shown(other)}); tune both on one`,
    );
  }
  const { seed, share } = first;
  return { split: { seed, share }, images: new Set(tuned.flatMap(({ images }) => images)) };
}

/**
 * Refuses figures on questions that a setting was chosen by.
 *
 * @throws InvalidArgumentError naming the set and how many of its questions these are
 */
export function requireUntuned(sets: readonly RunSet[], tuned: readonly TunedSetting[]): void {
  for (const { name: method, images, split } of tuned) {
    const isSeen = isAbout(images);
    for (const { name, questions, settings } of sets) {
      const among = questions.filter(isSeen).length;
      if (among === 0) continue;
      const remedy = remedyFor(split, settings.split);
      throw new InvalidArgumentError(
        `${name}: ${among} of ${questions.length} questions are about images that ${method} was tuned on; ${remedy}`,
      );
    }
  }
}

function remedyFor(split: DevSplit | null, asked: SplitPart | undefined): string {
  if (split === null) return "evaluate it on other questions";
  const { seed, share } = split;
  const isItsTestPart = asked?.part === "test" && asked.seed === seed && asked.share === share;
  return isItsTestPart
    ? "they are called otherwise there, and cut otherwise: tune on files that name images as these do"
    : `ask the test part of split seed ${seed}, dev share ${share} alone`;
}
