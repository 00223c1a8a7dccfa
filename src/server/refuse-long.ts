import type { Turn } from "../core.js";
import { badRequest, CONTEXT } from "./api-error.js";
import type { AskedChat } from "./chat-request.js";
import type { ServedModel } from "./inference.js";
import type { ServerLimits } from "./server-limits.js";

/** Characters that no text has for each of its tokens on average. */
const CHARACTERS_PER_TOKEN = 16;

/**
 * Refuses texts that cannot fit a model's context, before they are cut into tokens: of a text of 400 000 characters that takes
 * seconds in which nothing else is answered.
 *
 * @throws ApiError with the code that OpenAI has for it
 */
export function refuseLong(
  { turns, options }: AskedChat,
  { contextLength }: ServedModel,
  { maxTextCharacters }: ServerLimits,
): void {
  const most = Math.min(maxTextCharacters, CHARACTERS_PER_TOKEN * contextLength);
  const received = turns.reduce((sum, turn) => sum + charactersOf(turn), 0);
  refuseOver("messages", received, most);
  refuseOver("groundsight", JSON.stringify(options).length, most);
}

function charactersOf({ content }: Turn): number {
  if (typeof content === "string") return content.length;
  return content.reduce((sum, part) => sum + (part.type === "text" ? part.text.length : 0), 0);
}

function refuseOver(param: string, received: number, most: number): void {
  if (received <= most) return;
  throw badRequest(
    param,
    `received ${received} characters of text; expected at most ${most}`,
    CONTEXT,
  );
}
