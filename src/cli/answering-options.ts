import type { Command } from "commander";
import type { EvaluationRequest } from "../eval/index.js";
import { integerAtLeast, numberOption } from "./options.js";

/** Values of the options that say how questions are answered. */
export interface AnsweringFlags {
  readonly seeds?: number;
  readonly noiseDraws: number;
  readonly temperature: number;
  readonly topP: number;
  readonly suffix: string;
  readonly batch: number;
  readonly retryFailed?: true;
}

/** Adds the options that say how questions are answered. */
export function addAnsweringOptions(command: Command): Command {
  return command
    .option("--seeds <n>", "sample with n seeds", integerAtLeast(1))
    .option(
      "--noise-draws <n>",
      "greedy answers of methods that draw noise (vcd, averaging, ritual) are made under n draws",
      integerAtLeast(1),
      3,
    )
    .option("--temperature <t>", "of the sampling seeds", numberOption, 1)
    .option("--top-p <p>", "of the sampling seeds", numberOption, 1)
    .option("--suffix <text>", "appended to every question", "")
    .option(
      "--batch <n>",
      "questions answered together (int8 graphs: one by one)",
      integerAtLeast(1),
      8,
    )
    .option("--retry-failed", "ask again for answers that failed before");
}

/** What these options make of a request. */
export function answeringFrom(
  flags: AnsweringFlags,
): Pick<EvaluationRequest, "temperature" | "topP" | "promptSuffix" | "batchSize" | "retryFailed"> {
  return {
    temperature: flags.temperature,
    topP: flags.topP,
    promptSuffix: flags.suffix,
    batchSize: flags.batch,
    retryFailed: flags.retryFailed === true,
  };
}
