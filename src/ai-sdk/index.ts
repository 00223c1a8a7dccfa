/**
 * Groundsight in the AI SDK: a provider whose models run in this process, and middlewares that make the models of any other
 * provider hallucinate less. Of `@ai-sdk/provider` types alone are used.
 *
 * @example
 * ```ts
 * // A local model in the AI SDK, and a check of what it names that works with every other provider's models, too.
 * import { readFile } from "node:fs/promises";
 * import { generateText, streamText, wrapLanguageModel } from "ai";
 * import { createGroundsight, verifyObjects } from "groundsight/ai-sdk";
 *
 * const [path = "photo.jpg"] = process.argv.slice(2);
 * const image = { type: "file", mediaType: "image", data: await readFile(path) };
 * const asked = (text) => [{ role: "user", content: [image, { type: "text", text }] }];
 *
 * const groundsight = createGroundsight({ load: { worker: true } });
 *
 * const { text, providerMetadata } = await generateText({
 *   model: groundsight("pocket"), // or a checkpoint folder, or a hub id
 *   messages: asked("Is there a fork in the image?"),
 *   providerOptions: { groundsight: { method: "vcd:alpha=1", logprobs: 5 } },
 * });
 * console.log(text, providerMetadata?.groundsight?.logprobs[0].logprob);
 *
 * const { textStream } = streamText({
 *   model: groundsight("pocket:vcd"), // with a method behind a colon
 *   messages: asked("Describe this image."),
 * });
 * for await (const piece of textStream) process.stdout.write(piece);
 * console.log();
 *
 * const verified = await generateText({
 *   model: wrapLanguageModel({
 *     model: groundsight("pocket"), // or openai("gpt-4o"), or any other
 *     middleware: verifyObjects({ mode: "drop" }),
 *   }),
 *   messages: asked("Describe this image."),
 * });
 * const { outcome, calls } = verified.providerMetadata?.groundsight?.verification ?? {};
 * console.log(`${verified.text} (${outcome}, ${calls.questions} questions)`);
 *
 * await groundsight.dispose();
 * ```
 * @module groundsight/ai-sdk
 */
export type { ChatOptions, ChatSteering } from "../chat/chat-job.js";
export type { ObjectVerdict, VerifyTextOptions } from "../objects/verify-text.js";
export type { FurtherCallSettings } from "./ask-model.js";
export type { GroundsightProviderOptions } from "./chat-call.js";
export {
  createGroundsight,
  type GroundsightOptions,
  type GroundsightProvider,
} from "./create-groundsight.js";
export { type DescribeFirstOptions, describeFirst } from "./describe-first.js";
export { type LogprobsExtractor, logprobsExtractor } from "./logprobs-extractor.js";
export { NoSuchModelError } from "./no-such-model-error.js";
export type { Verification, VerifiedObject, VerifyMode } from "./verify-answer.js";
export { type VerifyObjectsOptions, verifyObjects } from "./verify-objects.js";
