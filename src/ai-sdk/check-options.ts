import { z } from "zod";
import { InvalidArgumentError } from "../index.js";

const CALL_SETTINGS = z.strictObject({
  maxOutputTokens: z.number().optional(),
  temperature: z.number().optional(),
  topP: z.number().optional(),
  topK: z.number().optional(),
  seed: z.number().optional(),
  reasoning: z.string().optional(),
  providerOptions: z.record(z.string(), z.unknown()).optional(),
});

const DESCRIBE_FIRST = z.strictObject({
  prompt: z.string().regex(/\S/, "expected a text").optional(),
  description: CALL_SETTINGS.optional(),
});

const VERIFY_OBJECTS = z.object({
  questions: CALL_SETTINGS.optional(),
  logprobs: z.boolean().optional(),
  rewritePrompt: z.string().includes("{objects}", "expected {objects} in it").optional(),
  refusal: z.custom((value) => typeof value === "function", "expected a function").optional(),
});

/** @throws InvalidArgumentError for an unknown option of `describeFirst`, or a wrong value */
export function checkDescribeFirst(options: unknown): void {
  check("describeFirst", DESCRIBE_FIRST, options);
}

/** @throws InvalidArgumentError for a wrong value of an option of `verifyObjects` that is not one of `verifyText` */
export function checkVerifyObjects(options: unknown): void {
  check("verifyObjects", VERIFY_OBJECTS, options);
}

function check(name: string, schema: z.ZodType, options: unknown): void {
  const { error } = schema.safeParse(options);
  if (error !== undefined) throw new InvalidArgumentError(`${name}: ${z.prettifyError(error)}`);
}
