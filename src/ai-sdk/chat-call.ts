import type {
  LanguageModelV4CallOptions,
  SharedV4ProviderOptions,
  SharedV4Warning,
} from "@ai-sdk/provider";
import { z } from "zod";
import type { ChatJob, ChatOptions, ChatSteering } from "../chat/chat-job.js";
import { CHAT_OPTIONS } from "../chat/chat-options.js";
import { drawSeed } from "../chat/draw-seed.js";
import { InvalidArgumentError } from "../index.js";
import { promptTurns } from "./prompt-turns.js";

/**
 * `providerOptions.groundsight`: what the AI SDK has no setting for. Unknown fields are refused. A type and no interface:
 * only such are the AI SDK's JSON objects.
 */
export type GroundsightProviderOptions = {
  /** How the next token is scored, as on the command line: "vcd", "vcd:alpha=2", "vti+vcd". Default "regular". */
  readonly method?: string | undefined;
  /** Settings of the method, beside those written behind its name. */
  readonly settings?: SharedV4ProviderOptions[string] | undefined;
  /** Steers along directions, whatever the method: a name, or a name and strengths. */
  readonly steer?: string | Pick<ChatSteering, keyof ChatSteering> | undefined;
  /** Whether evidence is told for each token. Default false. */
  readonly evidence?: boolean | undefined;
  /** Whether the answer's phrases are checked. Default false. */
  readonly verify?: boolean | undefined;
  /** Tells log-probabilities in the metadata: of each token, and of so many likeliest at its position, 0 to 100. Default: none are told. */
  readonly logprobs?: number | undefined;
  /** Above 1 makes tokens of the prompt and answer less likely, in (0, 10]. Default 1. */
  readonly repetitionPenalty?: number | undefined;
};

const OWN = z.object({
  logprobs: z.int().min(0).max(100).optional(),
  repetitionPenalty: z.number().positive().max(10).optional(),
});

/** A call of the AI SDK as a chat. */
export interface ChatCall {
  readonly job: ChatJob;
  readonly warnings: SharedV4Warning[];
  /** Whether log-probabilities are told. */
  readonly logprobs: boolean;
}

/**
 * What a call asks for; settings that there are not are told as warnings.
 *
 * @param method the one in the model's id
 * @throws InvalidArgumentError for provider options that are wrong
 * @throws UnsupportedCapabilityError for files that are no images
 */
export function chatCall(options: LanguageModelV4CallOptions, method?: string): ChatCall {
  const { logprobs, repetitionPenalty, ...own } = providerOptions(options);
  if (method !== undefined && own.method !== undefined && own.method !== method) {
    throw new InvalidArgumentError(
      `method: received '${own.method}' in providerOptions.groundsight and '${method}' in the model's id; name it in one place`,
    );
  }
  const { turns, leftOut } = promptTurns(options.prompt);
  const { temperature, stopSequences, maxOutputTokens: maxTokens, topK, topP } = options;
  const decoding = {
    maxTokens,
    temperature,
    topK,
    topP,
    stop: stopSequences?.filter((text) => text !== ""),
    repetitionPenalty,
    topLogprobs: logprobs,
  };
  return {
    job: {
      turns,
      options: { ...own, ...(method === undefined ? {} : { method }) },
      count: 1,
      decoding: { ...withoutUndefined(decoding), seed: options.seed ?? drawSeed(temperature) },
    },
    warnings: [...unsupportedSettings(options), ...[...leftOut].map(leftOutWarning)],
    logprobs: logprobs !== undefined,
  };
}

function providerOptions(
  options: LanguageModelV4CallOptions,
): ChatOptions & Pick<GroundsightProviderOptions, "logprobs" | "repetitionPenalty"> {
  const { logprobs, repetitionPenalty, ...chat } = options.providerOptions?.groundsight ?? {};
  const own = OWN.safeParse(withoutUndefined({ logprobs, repetitionPenalty }));
  const parsed = CHAT_OPTIONS.safeParse(chat);
  const error = own.error ?? parsed.error;
  if (error !== undefined) {
    throw new InvalidArgumentError(`providerOptions.groundsight: ${z.prettifyError(error)}`);
  }
  return { ...parsed.data, ...own.data };
}

type Unsupported = Extract<SharedV4Warning, { type: "unsupported" }>;

const unsupported = (feature: string, details: string): Unsupported => ({
  type: "unsupported",
  feature,
  details,
});

const PENALTY = "providerOptions.groundsight.repetitionPenalty makes repeated tokens less likely";

function unsupportedSettings(options: LanguageModelV4CallOptions): Unsupported[] {
  const { tools = [], toolChoice, responseFormat, reasoning = "provider-default" } = options;
  const asksForTools = tools.length > 0 || !["auto", "none"].includes(toolChoice?.type ?? "auto");
  return [
    ...(asksForTools ? [unsupported("tools", "the models answer in text")] : []),
    ...(responseFormat?.type === "json"
      ? [unsupported("responseFormat", "JSON is not enforced; ask for it in the prompt")]
      : []),
    ...(["provider-default", "none"].includes(reasoning)
      ? []
      : [unsupported("reasoning", "the models do not reason beforehand")]),
    ...(options.presencePenalty ? [unsupported("presencePenalty", PENALTY)] : []),
    ...(options.frequencyPenalty ? [unsupported("frequencyPenalty", PENALTY)] : []),
  ];
}

const leftOutWarning = (type: string): Unsupported =>
  unsupported(`${type} in the prompt`, "it was left out");

type WithoutUndefined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(fields: T): WithoutUndefined<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as WithoutUndefined<T>;
}
