/** What an analysis of a paper is, what it is given, and what it tells. */
import type { z } from "zod";
import type { DataFile, ShapedRow } from "../../eval/index.js";
import type { JsonValue, Model, SettingsOf, SettingsSchema, TextModel } from "../../index.js";

/** A figure with its 95% interval. Null where it is undefined, or the data say nothing about its ends. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** What it is computed from: answers, tokens, pairs. */
  readonly n: number;
}

/** A figure at a place of the x axis: a number, or the name of a class. */
export interface Point extends Estimate {
  readonly x: number | string;
}

/** Figures that belong together: a line, or bars of one colour. */
export interface Series {
  readonly label: string;
  readonly points: readonly Point[];
}

/** An axis, labelled with its unit. */
export interface Axis {
  readonly label: string;
  /** Ends of the axis; those of the data where left out. */
  readonly domain?: readonly [number, number];
}

/** A plot, as data. */
export interface Plot {
  /** Name of its file, without extension. */
  readonly name: string;
  /** What it shows, in a line. */
  readonly title: string;
  /** Lines with bands, dots with bars for their intervals, or such dots in rows, one for each class of x. */
  readonly mark: "line" | "dot" | "rows";
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

/** A row of a table: cells by the name of their column. */
export type TableRow = Readonly<Record<string, string | number | null>>;

/** What an analysis found. */
export interface Findings {
  /** What was looked at: captions, questions, images. */
  readonly n: number;
  readonly table: readonly TableRow[];
  /** Sentences computed from the figures, with agreement or contradiction of the paper. */
  readonly findings: readonly string[];
  readonly plots: readonly Plot[];
  /** What could not be told, and why. */
  readonly warnings?: readonly string[];
}

/** Findings with what they are of. The JSON of `diagnose`. */
export interface AnalysisResult extends Findings {
  readonly schemaVersion: 1;
  readonly analysis: string;
  readonly paper: string;
  /** Null where an analysis asks no model. */
  readonly model: { readonly id: string; readonly dtype: string; readonly hash: string } | null;
  /** The base LLM's name; null where there is none, or nothing is asked of it. */
  readonly base: string | null;
  /** Name of the data. */
  readonly data: string;
  readonly seed: number;
  /** Most images of a file; null for all. */
  readonly limit: number | null;
  readonly settings: Readonly<Record<string, JsonValue>>;
  readonly warnings: readonly string[];
}

/** A folder of files in the form of the pocket bench: JSONL and JSON files, and their images in `images/`. */
export interface AnalysisData {
  /** For people: `pocket test`, or the folder's path. */
  readonly name: string;
  /** Path of an image that a file names. */
  image(name: string): string;
  /** Whether there is such a file. */
  has(file: string): boolean;
  /**
   * Checked rows of a file, those of the first images where a limit is set.
   *
   * @throws DatasetError naming the file, and every row that does not fit
   */
  rows<T extends { readonly image: string }>(
    file: string,
    schema: z.ZodType<T>,
  ): Promise<readonly ShapedRow<T>[]>;
  /** A file as it is. @throws DatasetError */
  file(name: string): Promise<DataFile>;
}

/**
 * Does work once: what a run that was stopped had done is taken from its file, the rest is done, and is on disk when this
 * returns or throws. Without a file all is done.
 *
 * @param keys all that each result comes of besides the model: requests, settings, the base LLM's hash. An image under the
 *   name `image` counts by its bytes; functions and signals do not count
 * @param work told which results are missing, by their place among the keys; stores each as it has it, as JSON can hold it
 * @returns the results in the order of their keys
 */
export type KeepWork = <T>(
  keys: readonly unknown[],
  work: (missing: readonly number[], store: (index: number, result: T) => void) => Promise<void>,
) => Promise<T[]>;

/** What an analysis is given. */
export interface AnalysisContext<Schema extends SettingsSchema = SettingsSchema> {
  readonly model: Model;
  /** The text-only model that it was tuned from; undefined where none is given. */
  readonly base: TextModel | undefined;
  readonly data: AnalysisData;
  /** Checked, with defaults. */
  readonly settings: SettingsOf<Schema>;
  readonly seed: number;
  /** Fires when the work is to be stopped. */
  readonly signal: AbortSignal;
  /** Keeps results of long work, so that a run which is stopped can go on. */
  readonly keep: KeepWork;
  /** Tells how much of the work is done. */
  progress(done: number, total: number): void;
}

/** An analysis of a paper, to be repeated on any model. An immutable value. */
export interface Analysis<Schema extends SettingsSchema = SettingsSchema> {
  readonly name: string;
  /** What it asks, in a line. */
  readonly summary: string;
  /** Where it is from, and what was found there, in a sentence or two. */
  readonly paper: string;
  readonly needs: {
    /** Whether a model is asked. */
    readonly model: boolean;
    /** Whether more is told with the base LLM that the model was tuned from. */
    readonly base?: boolean;
    /** Files of the data without which nothing can be told. */
    readonly files: readonly string[];
  };
  readonly settings: Schema;
  /** Images of each file that are looked at where nobody says how many, so that it ends in minutes; all where left out. */
  readonly limit?: number;
  /** Computes its figures; long ones look at the signal and tell their progress. */
  run(context: AnalysisContext<Schema>): Promise<Findings>;
}
