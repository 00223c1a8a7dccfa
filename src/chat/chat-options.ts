import { z } from "zod";
import type { ChatOptions } from "./chat-job.js";

const LONGEST_METHOD = 2000;

/** The shape of {@link ChatOptions}; unknown fields are refused. */
export const CHAT_OPTIONS: z.ZodType<ChatOptions> = z.strictObject({
  method: z.string().min(1).max(LONGEST_METHOD).optional(),
  settings: z.record(z.string(), z.json()).optional(),
  steer: z
    .union([
      z.string().min(1),
      z.strictObject({
        name: z.string().min(1).optional(),
        image: z.number().optional(),
        text: z.number().optional(),
      }),
    ])
    .optional(),
  evidence: z.boolean().optional(),
  verify: z.boolean().optional(),
});
