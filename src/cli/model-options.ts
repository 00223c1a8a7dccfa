import type { Command } from "commander";
import { type DownloadProgress, type LoadOptions, load, type Model } from "../index.js";
import { listOf, numberOption } from "./options.js";

/** Values of the options that choose a model. */
export interface ModelFlags {
  readonly model: string;
  readonly adapter?: string;
  readonly dtype?: NonNullable<LoadOptions["dtype"]>;
  readonly device?: string;
  readonly threads?: number;
  readonly offline?: true;
}

/** Adds the options that choose a model. */
export function addModelOptions(command: Command): Command {
  return addLoadingOptions(
    command
      .optionsGroup("Model:")
      .option(
        "-m, --model <name>",
        "'pocket', a checkpoint's or a variant's folder, or a hub id (owner/name)",
        "pocket",
      ),
  );
}

/** Adds the options that say how a model is loaded. */
export function addLoadingOptions(command: Command): Command {
  return command
    .option("--adapter <folder>", "a LoRA adapter (PEFT) to merge into its weights")
    .option(
      "--dtype <names>",
      "precision of the graphs: fp32, fp16, q8, q4, q4f16, ..., or of each: embed_tokens=fp16,decoder_model_merged=q4 (default: fp32)",
      dtypeOption,
    )
    .option(
      "--device <name>",
      "what the graphs run on: cpu, webgpu, cuda, dml or coreml ('groundsight models --devices' tells what is there; default: cpu)",
    )
    .option(
      "--threads <n>",
      "threads per session (default: by the size of the graph)",
      numberOption,
    )
    .option("--offline", "never use the network; hub models come from the cache");
}

/** Parses a precision, or several behind the names of graphs; which there are is checked where they are used. */
function dtypeOption(text: string): NonNullable<LoadOptions["dtype"]> {
  if (!text.includes("=")) return text as NonNullable<LoadOptions["dtype"]>;
  const named = listOf(text).map((entry) => {
    const [name = "", ...dtype] = entry.split("=");
    return [name, dtype.join("=")] as const;
  });
  return Object.fromEntries(named);
}

/** Loads the model that the options name. */
export function loadModel({ model, ...flags }: ModelFlags): Promise<Model> {
  return load(model, loadingOptions(flags));
}

/** What the options of {@link addLoadingOptions} say. */
export function loadingOptions({
  adapter,
  dtype,
  device,
  threads,
  offline,
}: Omit<ModelFlags, "model">): LoadOptions {
  return {
    ...(adapter === undefined ? {} : { adapter }),
    ...(dtype === undefined ? {} : { dtype }),
    ...(device === undefined ? {} : { device: device as NonNullable<LoadOptions["device"]> }),
    ...(threads === undefined ? {} : { threads }),
    ...(offline === undefined ? {} : { offline }),
    onProgress: showProgress,
  };
}

/** Keeps one line on a terminal's stderr up to date; prints nothing elsewhere. */
export function showProgress({ file, loadedBytes, totalBytes }: DownloadProgress): void {
  if (process.stderr.isTTY !== true) return;
  const percent = ((100 * loadedBytes) / totalBytes).toFixed(0);
  const end = loadedBytes === totalBytes ? "\n" : "";
  process.stderr.write(
    `\r\u001b[Kdownloading ${file}  ${percent}% of ${(totalBytes / 1e6).toFixed(0)} MB${end}`,
  );
}
