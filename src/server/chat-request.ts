import { z } from "zod";
import type { ChatJob, ChatOptions } from "../chat/chat-job.js";
import { CHAT_OPTIONS } from "../chat/chat-options.js";
import type { ContentPart, Role, Turn } from "../core.js";
import { badRequest } from "./api-error.js";
import { fieldIssue, unlessNull } from "./field-issue.js";
import type { ServerLimits } from "./server-limits.js";

/** Most likely tokens that a request may have told at each position. */
const MOST_TOP_LOGPROBS = 20;

const MOST_STOPS = 16;

const LONGEST_STOP = 1000;

/** Of a model's name with a method behind it, which each part of a stream repeats. */
const LONGEST_MODEL = 3000;

/** As OpenAI has it: a chat template takes its time for each. */
const MOST_MESSAGES = 2048;

/** A field that is taken for the sake of clients that send it, as long as it asks for nothing. */
const nothingBut = (isNothing: (value: unknown) => boolean, message: string) =>
  z.custom<unknown>(isNothing, { error: message }).optional();

/** A field that changes no answer. */
const ignored = z.unknown().optional();

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const isOneOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value);

const NO_TOOLS = "tools are not supported: the models answer in text; leave it out";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const imagePart = z.object({
  type: z.literal("image_url"),
  image_url: z.object({ url: z.string(), detail: ignored }),
});

const received = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? "nothing";

const userContent = z.union([
  z.string(),
  z
    .array(
      z.discriminatedUnion("type", [textPart, imagePart], {
        error: ({ input }) =>
          `received a part of type ${received((input as { type?: unknown } | null)?.type)}; expected text or image_url`,
      }),
    )
    .min(1, { error: "expected a text, or at least one part" }),
]);
const textContent = z.union([
  z.string(),
  z
    .array(
      z.object({
        type: z.literal("text", {
          error: ({ input }) => `received a part of type ${received(input)}; expected text`,
        }),
        text: z.string(),
      }),
    )
    .min(1, { error: "expected a text, or at least one part" }),
]);
const stopText = z.string().min(1).max(LONGEST_STOP);
const noCalls = nothingBut((value) => value === null || isEmpty(value), NO_TOOLS);

const message = z.discriminatedUnion(
  "role",
  [
    z.object({ role: z.enum(["system", "developer"]), content: textContent }),
    z.object({ role: z.literal("user"), content: userContent }),
    z.object({
      role: z.literal("assistant"),
      content: textContent,
      tool_calls: noCalls,
      function_call: noCalls,
      audio: nothingBut(isOneOf(null), "audio is not supported; leave it out"),
    }),
  ],
  {
    error: ({ input }) =>
      `received a message of role ${received((input as { role?: unknown } | null)?.role)}; expected system, developer, user or assistant`,
  },
);

/**
 * The fields of a request. Others are refused, as OpenAI does: a name that was written wrongly would leave an answer other
 * than was asked for, with nothing to see of it.
 */
const BODY = z.strictObject({
  model: z.string().min(1).max(LONGEST_MODEL),
  messages: z
    .array(message)
    .min(1, { error: "expected at least one message" })
    .max(MOST_MESSAGES, { error: `expected at most ${MOST_MESSAGES} messages` }),
  groundsight: CHAT_OPTIONS.optional(),
  temperature: z.number().min(0).max(100).optional(),
  top_p: z.number().positive().max(1).optional(),
  top_k: z.int().min(-1).optional(),
  repetition_penalty: z.number().positive().max(10).optional(),
  n: z.int().min(1).optional(),
  max_tokens: z.int().min(1).optional(),
  max_completion_tokens: z.int().min(1).optional(),
  stop: z.union([stopText, z.array(stopText).max(MOST_STOPS)]).optional(),
  seed: z.int().min(0).optional(),
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(MOST_TOP_LOGPROBS).optional(),
  stream: z.boolean().optional(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().optional(), include_obfuscation: ignored })
    .optional(),
  response_format: nothingBut(
    (value) => (value as { type?: unknown } | null)?.type === "text",
    'only { "type": "text" } is supported; leave it out',
  ),
  tools: nothingBut(isEmpty, NO_TOOLS),
  functions: nothingBut(isEmpty, NO_TOOLS),
  tool_choice: nothingBut(isOneOf("none", "auto"), NO_TOOLS),
  function_call: nothingBut(isOneOf("none", "auto"), NO_TOOLS),
  frequency_penalty: nothingBut(
    isOneOf(0),
    "only 0 is supported; repetition_penalty makes repeated tokens less likely",
  ),
  presence_penalty: nothingBut(
    isOneOf(0),
    "only 0 is supported; repetition_penalty makes repeated tokens less likely",
  ),
  logit_bias: nothingBut(isEmpty, "is not supported; leave it out"),
  modalities: nothingBut(
    (value) => Array.isArray(value) && value.every(isOneOf("text")),
    'only ["text"] is supported',
  ),
  user: ignored,
  metadata: ignored,
  store: ignored,
  service_tier: ignored,
  safety_identifier: ignored,
  prompt_cache_key: ignored,
  prompt_cache_retention: ignored,
  parallel_tool_calls: ignored,
  prediction: ignored,
});

/** What a request asks for. Images are still URLs. */
export interface AskedChat {
  /** As written: a served model's name, or that and a method behind a colon. */
  readonly model: string;
  readonly turns: readonly Turn[];
  readonly options: ChatOptions;
  readonly count: number;
  readonly decoding: Omit<ChatJob["decoding"], "seed">;
  readonly seed: number | undefined;
  /** Whether log-probabilities are told. */
  readonly logprobs: boolean;
  readonly stream: boolean;
  /** Whether a stream ends with a chunk that tells the tokens it took. */
  readonly includeUsage: boolean;
}

/**
 * Reads the body of a request.
 *
 * @throws ApiError naming the first field that is wrong
 */
export function chatRequest(body: unknown, limits: ServerLimits): AskedChat {
  const parsed = BODY.safeParse(unlessNull(body));
  if (!parsed.success) throw fieldIssue(parsed.error);
  const { data } = parsed;
  const { logprobs = false, top_logprobs = 0, stream = false, n = 1 } = data;
  const maxTokens = data.max_completion_tokens ?? data.max_tokens;
  const maxField =
    data.max_completion_tokens === undefined ? "max_tokens" : "max_completion_tokens";
  refuseOver(maxField, maxTokens, limits.maxTokens);
  refuseOver("n", n, Math.min(limits.maxChoices, limits.maxRunning));
  if (!logprobs && data.top_logprobs !== undefined) {
    throw badRequest("top_logprobs", "expected logprobs: true beside it");
  }
  if (!stream && data.stream_options !== undefined) {
    throw badRequest("stream_options", "expected stream: true beside it");
  }
  const { stop, top_k } = data;
  return {
    model: data.model,
    turns: data.messages.map(turn),
    options: data.groundsight ?? {},
    count: n,
    decoding: given({
      maxTokens,
      stop: typeof stop === "string" ? [stop] : stop,
      temperature: data.temperature,
      topK: top_k === undefined || top_k < 1 ? undefined : top_k,
      topP: data.top_p,
      repetitionPenalty: data.repetition_penalty,
      topLogprobs: logprobs ? top_logprobs : undefined,
    }),
    seed: data.seed,
    logprobs,
    stream,
    includeUsage: data.stream_options?.include_usage ?? false,
  };
}

function turn({ role, content }: z.infer<typeof message>): Turn {
  const ours: Role = role === "developer" ? "system" : role;
  if (typeof content === "string") return { role: ours, content };
  const parts: readonly (z.infer<typeof textPart> | z.infer<typeof imagePart>)[] = content;
  return {
    role: ours,
    content: parts.map(
      (part): ContentPart =>
        part.type === "text"
          ? { type: "text", text: part.text }
          : { type: "image", image: part.image_url.url },
    ),
  };
}

function refuseOver(param: string, value: number | undefined, most: number): void {
  if (value === undefined || value <= most) return;
  throw badRequest(param, `received ${value}; expected at most ${most}`);
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Given<T>;
}
