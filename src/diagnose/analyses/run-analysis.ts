import { dirname } from "node:path";
import { makeFolder } from "../../eval/index.js";
import {
  AbortedError,
  checkSettings,
  GroundsightError,
  InvalidArgumentError,
  type JsonValue,
  type Model,
  type TextModel,
} from "../../index.js";
import type {
  Analysis,
  AnalysisContext,
  AnalysisData,
  AnalysisResult,
  Findings,
} from "../contract/analysis.js";
import { KEEP_NOTHING, KeptWork } from "./kept-work.js";

/** What an analysis is run on. */
export interface RunAnalysisOptions {
  /** Left out by analyses that ask none. */
  readonly model?: Model;
  /** The base LLM that the model was tuned from, for analyses that tell more with it. */
  readonly base?: TextModel;
  readonly data: AnalysisData;
  /** Settings that differ from their defaults. */
  readonly settings?: Readonly<Record<string, JsonValue>>;
  /** Of random draws, and of the intervals. Default 0. */
  readonly seed?: number;
  /** Most images of each file, as the data were opened; told in the result. */
  readonly limit?: number | null;
  readonly signal?: AbortSignal;
  /**
   * File that keeps what is done, so that a run which is stopped goes on with the same call; removed when the analysis is
   * done.
   */
  readonly keepIn?: string;
  /** Told how much is done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Repeats an analysis of a paper.
 *
 * @throws InvalidArgumentError for settings that are unknown or out of range, and a model or files that are missing
 * @throws UnsupportedCapabilityError for what the model does not offer
 * @throws AbortedError when the signal fires
 */
export async function runAnalysis(
  analysis: Analysis,
  {
    model,
    base,
    data,
    settings: given = {},
    seed = 0,
    limit = null,
    signal = new AbortController().signal,
    keepIn,
    onProgress = () => {},
  }: RunAnalysisOptions,
): Promise<AnalysisResult> {
  const { name, paper, needs } = analysis;
  const settings = checkSettings(name, analysis.settings, given);
  const missing = needs.files.filter((file) => !data.has(file));
  if (missing.length > 0) {
    throw new InvalidArgumentError(
      `${name}: ${data.name} has no ${missing.join(", ")}; expected a folder in the form of the pocket bench (docs/diagnose.md)`,
    );
  }
  if (needs.model && model === undefined) {
    throw new InvalidArgumentError(`${name}: asks a model; give one`);
  }
  const context = {
    model: model!,
    base: needs.base === true ? base : undefined,
    data,
    settings,
    seed,
    signal,
    progress: onProgress,
  };
  const found =
    keepIn === undefined || !needs.model
      ? await analysis.run({ ...context, keep: KEEP_NOTHING })
      : await runKeeping(analysis, context, keepIn);
  const of = model === undefined || !needs.model ? null : await identity(model);
  return {
    schemaVersion: 1,
    analysis: name,
    paper,
    model: of,
    base: needs.base === true ? (base?.id ?? null) : null,
    data: data.name,
    seed,
    limit,
    settings,
    warnings: [],
    ...found,
  };
}

async function runKeeping(
  analysis: Analysis,
  context: Omit<AnalysisContext, "keep">,
  path: string,
): Promise<Findings> {
  await makeFolder(dirname(path));
  const kept = await KeptWork.open(path, `${analysis.name} ${await context.model.hash()}`);
  let isDone = false;
  try {
    const found = await analysis.run({ ...context, keep: kept.keep });
    isDone = true;
    return found;
  } catch (cause) {
    if (!GroundsightError.isInstance(cause) || cause.code !== "ABORTED") throw cause;
    throw new AbortedError(
      `${cause.message}; ${path} keeps what is done, and the same command goes on`,
      {
        cause,
      },
    );
  } finally {
    await kept.close(isDone);
  }
}

async function identity(model: Model): Promise<NonNullable<AnalysisResult["model"]>> {
  return { id: model.info.id, dtype: model.info.dtype, hash: await model.hash() };
}
