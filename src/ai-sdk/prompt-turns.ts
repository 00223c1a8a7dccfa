import type {
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
} from "@ai-sdk/provider";
import type { ContentPart, ImageSource, Turn } from "../core.js";
import { UnsupportedCapabilityError } from "../errors.js";

/** A prompt as a conversation, and what of it could not be taken over. */
export interface PromptTurns {
  readonly turns: readonly Turn[];
  /** Names of what was left out, such as "tool-call". */
  readonly leftOut: ReadonlySet<string>;
}

/**
 * Turns of a prompt: system messages, users' texts and images, the texts of the assistant. Calls of tools, their results and
 * reasoning are left out.
 *
 * @throws UnsupportedCapabilityError for files that are no images, and images that cannot be had
 */
export function promptTurns(prompt: LanguageModelV4Prompt): PromptTurns {
  const leftOut = new Set<string>();
  const turns = prompt.flatMap((message): Turn | [] => {
    if (message.role === "system") return { role: "system", content: message.content };
    if (message.role === "user") return { role: "user", content: message.content.map(userPart) };
    const texts = message.content.flatMap((part) => {
      if (part.type === "text") return part.text;
      leftOut.add(part.type);
      return [];
    });
    return texts.length === 0 ? [] : { role: "assistant", content: texts.join("") };
  });
  return { turns, leftOut };
}

type UserPart = Extract<LanguageModelV4Message, { role: "user" }>["content"][number];

function userPart(part: UserPart): ContentPart {
  if (part.type === "text") return { type: "text", text: part.text };
  const { mediaType } = part;
  if (isImage(part)) return { type: "image", image: imageOf(part) };
  throw new UnsupportedCapabilityError(
    `prompt: received a file of type '${mediaType.slice(0, 80)}'; the models read images (image/*) alone`,
  );
}

/** Whether a part of a user's message is an image. */
export function isImage(part: UserPart): part is LanguageModelV4FilePart {
  return part.type === "file" && /^image(\/|$)/i.test(part.mediaType);
}

/** URLs that the image reader may follow; a file's path in a prompt would be read from this machine. */
const READ_FROM = /^(https?|data):$/;

function imageOf({ data }: LanguageModelV4FilePart): ImageSource {
  if (data.type === "data") {
    if (typeof data.data !== "string") return data.data;
    return data.data.startsWith("data:")
      ? new URL(data.data)
      : Uint8Array.from(Buffer.from(data.data, "base64"));
  }
  if (data.type === "url" && READ_FROM.test(data.url.protocol)) return data.url;
  const received = data.type === "url" ? `a URL of scheme ${data.url.protocol}` : data.type;
  throw new UnsupportedCapabilityError(
    `prompt: received an image as ${received}; give its bytes, base64, or an http, https or data URL`,
  );
}
