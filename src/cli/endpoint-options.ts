import type { Command } from "commander";
import {
  type ChatEndpoint,
  ENDPOINT_METHODS,
  openAiEndpoint,
  type Prices,
  requireAskable,
} from "../eval/index.js";
import { InvalidArgumentError, type Method, parseMethodText } from "../index.js";
import { DEFAULT_URL } from "./judge-options.js";
import type { ModelFlags } from "./model-options.js";
import { integerAtLeast, listOf, numberOption } from "./options.js";
import { type RunMethodFlags, runMethods } from "./run-methods.js";

/** Values of the options that say how a server is asked. */
export interface EndpointFlags {
  readonly concurrency?: number;
  readonly retries?: number;
  readonly requestTimeout?: number;
  readonly priceIn?: number;
  readonly priceOut?: number;
}

/** `openai:<name>@<base URL>`; the name may hold an @ itself. */
const ENDPOINT = /^openai:(?<model>.*?)(?:@(?<baseUrl>[a-z][a-z0-9+.-]*:\/\/.*))?$/is;

const ENDPOINT_FLAGS = {
  concurrency: "--concurrency",
  retries: "--retries",
  requestTimeout: "--request-timeout",
  priceIn: "--price-in",
  priceOut: "--price-out",
} as const;

/** Options of the same command that a server's answers do not hang on, with what they are about. */
const OF_CHECKPOINTS = {
  adapter: "--adapter",
  dtype: "--dtype",
  device: "--device",
  threads: "--threads",
  offline: "--offline",
} as const;

/** Adds the options that say how a server is asked. */
export function addEndpointOptions(command: Command): Command {
  return addPriceOptions(
    command
      .optionsGroup("Server (--model openai:<name>@<base URL>):")
      .option("--concurrency <n>", "requests at once (default: 4)", integerAtLeast(1))
      .option("--retries <n>", "attempts after the first (default: 4)", integerAtLeast(0))
      .option(
        "--request-timeout <ms>",
        "limit of one attempt (default: 120000)",
        integerAtLeast(1),
      ),
  );
}

/** Adds the options that tell what tokens cost. */
export function addPriceOptions(command: Command): Command {
  return command
    .option("--price-in <x>", "price of a million tokens of prompts", numberOption)
    .option("--price-out <x>", "price of a million tokens of answers", numberOption);
}

/** True for the name of a model behind a server. */
export function isEndpoint(model: string): boolean {
  return model.startsWith("openai:");
}

/**
 * The server that the options name; null where they name a checkpoint.
 *
 * @throws InvalidArgumentError for options of the other kind, and for a name or an address that cannot be used
 */
export function endpointFrom(flags: ModelFlags & EndpointFlags): ChatEndpoint | null {
  if (!isEndpoint(flags.model)) {
    refuseGiven(flags, ENDPOINT_FLAGS, "goes with a server, --model openai:<name>@<base URL>");
    return null;
  }
  refuseGiven(flags, OF_CHECKPOINTS, "is the server's matter where one answers");
  const { model = "", baseUrl } = ENDPOINT.exec(flags.model)?.groups ?? {};
  // An address without its scheme, or of a variable that is empty, would be taken for part of the name.
  if (model === "" || (baseUrl === undefined && /@(.*[:/]|$)/.test(model))) {
    throw new InvalidArgumentError(
      "model: received openai: without a name, or an address without http(s)://; expected openai:<name>@<base URL>, such as openai:pocket@http://127.0.0.1:8000/v1",
    );
  }
  const { concurrency, retries, requestTimeout: timeoutMs } = flags;
  return openAiEndpoint({
    model,
    baseUrl: baseUrl ?? process.env.OPENAI_BASE_URL ?? DEFAULT_URL,
    apiKey: process.env.OPENAI_API_KEY,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(retries === undefined ? {} : { retries }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

/** What tokens cost; undefined where it is not told. */
export function pricesFrom({ priceIn, priceOut }: EndpointFlags): Prices | undefined {
  if (priceIn === undefined && priceOut === undefined) return undefined;
  return { input: priceIn ?? 0, output: priceOut ?? 0 };
}

/** Flags of `eval` that make sense where a model's logits are at hand. */
export interface LogitFlags {
  readonly controls?: true;
  readonly settings?: readonly string[];
}

/**
 * The methods of a run of a server: `regular`, and those that are named.
 *
 * @param named whether `methods` was given
 * @throws InvalidArgumentError for methods and options that need logits, by name with the reason
 */
export async function endpointMethods(
  flags: RunMethodFlags & LogitFlags,
  named: boolean,
): Promise<Map<string, Method>> {
  const why = `needs the model's logits, which no server gives; methods may be ${ENDPOINT_METHODS}`;
  refuseGiven(flags, { controls: "--controls", settings: "--settings" }, why);
  const methods = named ? flags.methods : "";
  // Some cannot be made without files that would be asked for in vain.
  requireAskable(listOf(methods).map((text) => [text, { name: parseMethodText(text).name }]));
  const without = listOf(flags.without);
  const made = await runMethods({
    ...flags,
    methods,
    without: [...new Set([...without, "apc"])].join(","),
  });
  requireAskable(made);
  return made;
}

function refuseGiven<F extends object>(
  flags: F,
  names: { readonly [key in keyof F]?: string },
  why: string,
): void {
  for (const [key, flag] of Object.entries(names) as [keyof F, string][]) {
    if (flags[key] === undefined) continue;
    throw new InvalidArgumentError(`${flag} ${why}; leave it out`);
  }
}
