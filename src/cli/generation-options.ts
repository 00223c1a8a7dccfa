import type { Command } from "commander";
import type { GenerateOptions } from "../index.js";
import { numberOption } from "./options.js";

/** Values of the options that shape an answer. */
export interface GenerationFlags {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly stop?: string[];
}

/** Adds the options that shape an answer. */
export function addGenerationOptions(command: Command): Command {
  return command
    .optionsGroup("Decoding:")
    .option("--max-tokens <n>", "most tokens to generate", numberOption)
    .option("--temperature <t>", "0 is greedy (default: 0)", numberOption)
    .option("--top-k <k>", "draw from the k best tokens", numberOption)
    .option("--top-p <p>", "draw from the best tokens that hold probability p", numberOption)
    .option("--repetition-penalty <x>", "above 1 avoids repetition", numberOption)
    .option("--seed <n>", "fixes every random draw (default: 0)", numberOption)
    .option("--stop <text...>", "texts that end the answer");
}

/** The request fields that the options give; values are checked by the model. */
export function generationFields(flags: GenerationFlags): Partial<GenerateOptions> {
  const { maxTokens, temperature, topK, topP, repetitionPenalty, seed, stop } = flags;
  const fields = { maxTokens, temperature, topK, topP, repetitionPenalty, seed, stop };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
