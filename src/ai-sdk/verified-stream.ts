import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { type GivenAnswer, REFUSED, type VerifiedAnswer } from "./verify-answer.js";

/**
 * A transform that verifies the text of a stream before its end is told.
 *
 * @param flows whether the text is told while it comes; else it is held back until it is verified, with all that follows it
 */
export function verifiedStream(
  flows: boolean,
  verify: (answer: GivenAnswer) => Promise<VerifiedAnswer>,
): TransformStream<LanguageModelV4StreamPart, LanguageModelV4StreamPart> {
  const held: LanguageModelV4StreamPart[] = [];
  const texts = new Map<string, string>();
  return new TransformStream({
    async transform(part, controller) {
      if (part.type === "text-start") texts.set(part.id, "");
      if (part.type === "text-delta") texts.set(part.id, (texts.get(part.id) ?? "") + part.delta);
      if (part.type !== "finish") {
        if (flows || (texts.size === 0 && held.length === 0 && !isOfTool(part))) {
          controller.enqueue(part);
        } else held.push(part);
        return;
      }
      const text = [...texts.values()].join("");
      const { finishReason, usage } = part;
      if (text.trim() === "" || finishReason.unified === "error") {
        // Nothing unverified is told where it would have been changed.
        for (const one of held) if (!isText(one)) controller.enqueue(one);
        controller.enqueue(part);
        return;
      }
      try {
        const { text: told, warnings: _, ...ended } = await verify({ ...part, text });
        const isRefused = ended.finishReason.raw === REFUSED;
        for (const one of told === text ? held : withText(held, told)) {
          if (!(isRefused && isOfTool(one))) controller.enqueue(one);
        }
        controller.enqueue({ ...part, ...ended });
      } catch (error) {
        for (const one of held) if (!isText(one)) controller.enqueue(one);
        controller.enqueue({ type: "error", error });
        controller.enqueue({
          type: "finish",
          usage,
          finishReason: { unified: "error", raw: undefined },
        });
      }
    },
  });
}

const isText = ({ type }: LanguageModelV4StreamPart): boolean =>
  type === "text-start" || type === "text-delta" || type === "text-end";

/** A refusal calls no tools, whose parts therefore wait, too. */
const isOfTool = ({ type }: LanguageModelV4StreamPart): boolean =>
  type === "tool-call" || type.startsWith("tool-input-");

/** Parts with another text: whole, in the place where the first one began. */
function withText(
  held: readonly LanguageModelV4StreamPart[],
  text: string,
): LanguageModelV4StreamPart[] {
  const first = held.findIndex(({ type }) => type === "text-start");
  return held.flatMap((part, i): LanguageModelV4StreamPart[] => {
    if (i !== first) return isText(part) ? [] : [part];
    const { id } = part as { id: string };
    return [part, { type: "text-delta", id, delta: text }, { type: "text-end", id }];
  });
}
