import { z } from "zod";
import type { AllowedImages } from "./allowed-images.js";

/** Longest text of a client: far more than fits a model, far less than what ends ONNX Runtime. */
const LONGEST_TEXT = 8000;

/** Most tokens of an answer. */
const MOST_TOKENS = 2048;

/** An image, of those that are allowed. */
export function imageField({ description }: AllowedImages): z.ZodString {
  return z.string().min(1).describe(`The image: ${description}.`);
}

/** A text of a bounded length. */
export function textField(description: string): z.ZodString {
  return z.string().min(1).max(LONGEST_TEXT).describe(description);
}

/** How long an answer may become. */
export const MAX_TOKENS: z.ZodType<number | undefined, number | undefined> = z
  .int()
  .min(1)
  .max(MOST_TOKENS)
  .optional()
  .describe("Most tokens of the answer.");
