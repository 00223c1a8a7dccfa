import type { Command } from "commander";
import { type JudgeSetup, openAiJudge } from "../eval/index.js";
import { integerAtLeast } from "./options.js";

/** Values of the options that set a judge. */
export interface JudgeFlags {
  readonly judgeModel?: string;
  readonly judgeUrl?: string;
  readonly judgeConcurrency: number;
  readonly judgeRetries: number;
  readonly judgeTimeout: number;
  readonly judgeCache?: string;
}

/** Where requests go when nothing says otherwise. */
export const DEFAULT_URL = "https://api.openai.com/v1";

/** Adds the options that set a judge. */
export function addJudgeOptions(command: Command): Command {
  return command
    .optionsGroup("Judge:")
    .option("--judge-model <name>", "model that judges open answers (OpenAI-compatible endpoint)")
    .option("--judge-url <url>", `base URL (default: OPENAI_BASE_URL or ${DEFAULT_URL})`)
    .option("--judge-concurrency <n>", "requests at once", integerAtLeast(1), 4)
    .option("--judge-retries <n>", "attempts after the first", integerAtLeast(0), 4)
    .option("--judge-timeout <ms>", "limit of one attempt", integerAtLeast(1), 60_000)
    .option("--judge-cache <file>", "stored verdicts")
    .addHelpText("after", "\nThe judge's key is read from OPENAI_API_KEY.");
}

/** The judge that the options name; null when they name none. */
export function judgeFrom(flags: JudgeFlags, cache: string): JudgeSetup | null {
  if (flags.judgeModel === undefined) return null;
  const judge = openAiJudge({
    baseUrl: flags.judgeUrl ?? process.env.OPENAI_BASE_URL ?? DEFAULT_URL,
    model: flags.judgeModel,
    apiKey: process.env.OPENAI_API_KEY,
    retries: flags.judgeRetries,
    timeoutMs: flags.judgeTimeout,
  });
  return { judge, cache: flags.judgeCache ?? cache, concurrency: flags.judgeConcurrency };
}
