import { InvalidArgumentError } from "../errors.js";
import { argMax } from "../math/arg-max.js";
import type { MethodSession, Stream } from "./method.js";
import type { Sequence } from "./sequence.js";
import type { StepOutputs } from "./step.js";

/** A session of one stream whose outputs are looked at: at each position with the best token, or the next of those that are read. */
export function readingSession(
  stream: Stream,
  read: readonly number[] | undefined,
  onPosition: (outputs: StepOutputs, token: number, position: number) => void,
): MethodSession {
  return {
    streams: [stream],
    scores([output], position) {
      const { logits } = output!;
      onPosition(output!, read?.[position] ?? argMax(logits), position);
      return logits;
    },
  };
}

/** @throws InvalidArgumentError where the context has no room for all that is to be read */
export function requireRoom(
  { maxTokens }: Pick<Sequence, "maxTokens">,
  led: readonly number[],
): void {
  if (led.length <= maxTokens) return;
  throw new InvalidArgumentError(
    `answer: received ${led.length} tokens with the end of text; expected at most ${maxTokens}, what the prompt leaves of the model's context; shorten one of them`,
  );
}
