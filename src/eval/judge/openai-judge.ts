import { z } from "zod";
import { InferenceError } from "../../errors.js";
import { type ChatClientOptions, chatClient } from "../client/chat-client.js";
import type { JudgeTask } from "../contract/judge-task.js";
import type { Judge } from "./judge.js";
import { verdictFault } from "./verdict-fault.js";

/** Settings of {@link openAiJudge}. */
export interface OpenAiJudgeOptions extends ChatClientOptions {
  readonly model: string;
}

const reply = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().min(1) }) })).min(1),
});

/**
 * A judge behind an OpenAI-compatible chat endpoint, asked at temperature 0. Time-outs, refused
 * connections, status 408, 409, 429 and 5xx, replies that are no JSON, and verdicts that are not what
 * the task asks for (its schema, its form) are tried again with exponential back-off, or after the time that `Retry-After` names; other
 * statuses are not. Redirects are not followed: questions and answers go to the address that was named, and
 * nowhere else.
 *
 * @throws InvalidArgumentError for a base URL or number that cannot be used
 */
export function openAiJudge(options: OpenAiJudgeOptions): Judge {
  const { model } = options;
  const client = chatClient("judge", options);
  return {
    name: model,
    ask: async (task, signal) => {
      try {
        return await client.post(
          requestFor(model, task),
          (reply) => verdictIn(reply, task),
          signal,
        );
      } catch (cause) {
        throw new InferenceError(`judge ${model}: ${(cause as Error).message}`, { cause });
      }
    },
  };
}

function requestFor(model: string, task: JudgeTask): object {
  const request = {
    model,
    temperature: 0,
    messages: [{ role: "user", content: task.prompt }],
  };
  if (task.schema === null) return request;
  const json_schema = { name: "verdict", strict: true, schema: task.schema };
  return { ...request, response_format: { type: "json_schema", json_schema } };
}

function verdictIn(received: unknown, task: JudgeTask): string {
  const verdict = reply.safeParse(received).data?.choices[0]?.message.content;
  if (verdict === undefined) throw new Error("the reply holds no verdict");
  const fault = verdictFault(task, verdict);
  if (fault !== null) throw new Error(fault);
  return verdict;
}
