/**
 * For tests of programs that use Groundsight: a model without files.
 *
 * @example
 * ```ts
 * // A test of one's own code without a checkpoint: the engine is real, the model is a function.
 * import assert from "node:assert/strict";
 * import { fakeModel } from "groundsight/testing";
 *
 * const model = fakeModel({ respond: ({ prompt }) => (prompt.includes("dog") ? "Yes" : "No") });
 * const { text, finishReason } = await model.generate({ prompt: "Is there a dog?" });
 * assert.deepEqual({ text, finishReason }, { text: "Yes", finishReason: "eos" });
 * ```
 * @module groundsight/testing
 */
export { FakeBackend, type FakeBackendOptions } from "./fake-backend.js";
export {
  type FakeModelOptions,
  type FakeQuestion,
  fakeBackend,
  fakeModel,
} from "./fake-model.js";
export type { FakeToken } from "./fake-tokens.js";
