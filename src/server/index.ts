/**
 * An OpenAI-compatible endpoint whose answers are decoded by any of the methods: a fetch function to be mounted in a server,
 * and what it answers with.
 *
 * @example
 * ```ts
 * // Mounts the endpoint in a server of one's own, and asks it as a client would.
 * import { load } from "groundsight";
 * import { createHandler, localInference } from "groundsight/server";
 *
 * const inference = await localInference([await load("pocket")]);
 * const handler = createHandler(inference, { apiKeys: ["secret"] });
 * const response = await handler(
 *   new Request("http://localhost/v1/chat/completions", {
 *     method: "POST",
 *     headers: { "content-type": "application/json", authorization: "Bearer secret" },
 *     body: JSON.stringify({
 *       model: "pocket",
 *       messages: [{ role: "user", content: process.argv[2] ?? "What is red?" }],
 *       max_tokens: 20,
 *     }),
 *   }),
 * );
 * console.log(response.status, await response.text());
 * await inference.close();
 * ```
 * @module groundsight/server
 */
export type { ChatSetup } from "../chat/answer-chat.js";
export type {
  ChatChoice,
  ChatEvents,
  ChatJob,
  ChatOptions,
  ChatResult,
  ChatSteering,
} from "../chat/chat-job.js";
export type { SteeringFiles } from "../chat/chat-method.js";
export { createHandler, type Handler, type HandlerOptions } from "./handler.js";
export type { Inference, ServedModel } from "./inference.js";
export { loadInference } from "./load-inference.js";
export { localInference } from "./local-inference.js";
export {
  type ProcessInference,
  type ProcessInferenceOptions,
  processInference,
} from "./process-inference.js";
export type { ModelToServe, ServingPlan } from "./process-messages.js";
export { logText, type RequestLog } from "./request-log.js";
export { type RunningServer, type ServeOptions, serve } from "./serve.js";
export type { ServerLimits } from "./server-limits.js";
