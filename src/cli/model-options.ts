import type { Command } from "commander";
import {
  type DownloadProgress,
  InvalidArgumentError,
  type LoadOptions,
  load,
  type Model,
  type SteeringDirections,
  type SteeringStrengths,
} from "../index.js";
import { numberOption } from "./number-option.js";
import { readDirections } from "./steer-inspect-command.js";

/** Values of the options that choose a model. */
export interface ModelFlags {
  readonly model: string;
  readonly dtype?: string;
  readonly threads?: number;
  readonly offline?: true;
  readonly steer?: string;
  readonly steerImage?: number;
  readonly steerText?: number;
}

/** Adds the options that choose a model. */
export function addModelOptions(command: Command): Command {
  return command
    .option(
      "-m, --model <name>",
      "'pocket', a checkpoint folder, or a hub id (owner/name)",
      "pocket",
    )
    .option("--dtype <name>", "precision of the graphs: fp32, fp16, q8, q4, ... (default: fp32)")
    .option("--threads <n>", "threads per session (default: all cores)", numberOption)
    .option("--offline", "never use the network; hub models come from the cache");
}

/** Adds the options that steer the model. */
export function addSteeringOptions(command: Command): Command {
  return command
    .option("--steer <file>", "directions to steer along ('groundsight steer fit')")
    .option("--steer-image <x>", "strength in the vision tower (default: 0.4)", numberOption)
    .option("--steer-text <x>", "strength in the decoder (default: 0.4)", numberOption);
}

/**
 * Loads the model that the options name, steered if they say so.
 *
 * @throws InvalidArgumentError for a strength without directions
 */
export async function loadModel(flags: ModelFlags): Promise<Model> {
  const model = await loadStockModel(flags);
  const { steer, steerImage, steerText } = flags;
  if (steer === undefined) {
    if (steerImage === undefined && steerText === undefined) return model;
    throw new InvalidArgumentError("--steer-image and --steer-text need --steer <file>");
  }
  const directions = await readDirections(steer);
  // The stock handle owns the sessions; they are freed when the command, and so the process, ends.
  return model.steer(directions, strengthsFrom(flags, directions));
}

/** The paper's alpha and beta. */
const DEFAULT_STRENGTH = 0.4;

/** The strengths that the options give; by default the paper's where there are directions. */
export function strengthsFrom(
  { steerImage, steerText }: Pick<ModelFlags, "steerImage" | "steerText">,
  directions: SteeringDirections,
): Required<SteeringStrengths> {
  return {
    image: steerImage ?? (directions.image === undefined ? 0 : DEFAULT_STRENGTH),
    text: steerText ?? (directions.text === undefined ? 0 : DEFAULT_STRENGTH),
  };
}

/** Loads the model that the options name, not steered whatever they say. */
export function loadStockModel({ model, dtype, threads, offline }: ModelFlags): Promise<Model> {
  return load(model, {
    ...(dtype === undefined ? {} : { dtype: dtype as NonNullable<LoadOptions["dtype"]> }),
    ...(threads === undefined ? {} : { threads }),
    ...(offline === undefined ? {} : { offline }),
    onProgress: showProgress,
  });
}

/** Keeps one line on a terminal's stderr up to date; prints nothing elsewhere. */
function showProgress({ file, loadedBytes, totalBytes }: DownloadProgress): void {
  if (process.stderr.isTTY !== true) return;
  const percent = ((100 * loadedBytes) / totalBytes).toFixed(0);
  const end = loadedBytes === totalBytes ? "\n" : "";
  process.stderr.write(
    `\r\u001b[Kdownloading ${file}  ${percent}% of ${(totalBytes / 1e6).toFixed(0)} MB${end}`,
  );
}
