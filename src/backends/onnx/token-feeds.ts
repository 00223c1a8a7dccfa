import type { Tensor } from "onnxruntime-common";
import { runSettings } from "./decoder-tensors.js";
import type { Runtime, Session, Tensors } from "./runtime.js";
import { type TokenInputs, tokenTensors } from "./token-inputs.js";

/** What is appended to one context. */
export interface NewTokens {
  /** Of the new tokens (S, ...). */
  readonly tokens: TokenInputs;
  /** Position ids (planes, S): one plane for most families, three for multimodal rotary embeddings. */
  readonly positions: readonly Int32Array[];
}

/**
 * What a decoder is told of new tokens: all of its inputs but the past, and the mask over both.
 *
 * @param contexts one for each row; shorter ones are padded on the left
 * @param kept of how many of the last positions logits are wanted
 */
export function tokenFeeds(
  runtime: Runtime,
  session: Session,
  contexts: readonly NewTokens[],
  hasPast: boolean,
  kept = 1,
): Tensors {
  const steps = Math.max(...contexts.map(({ positions }) => positions[0]!.length));
  const tokens = contexts.map((context) => context.tokens);
  return {
    ...tokenTensors(runtime, session, tokens, steps),
    ...runSettings(runtime, session, hasPast, kept),
    ...(session.inputNames.includes("position_ids")
      ? { position_ids: positionTensor(runtime, contexts, steps) }
      : {}),
  };
}

/** The mask of a context that is run alone: it sees all of its tokens. */
export function wholeMask({ Tensor }: Runtime, length: number): Tensor {
  return new Tensor("int64", new BigInt64Array(length).fill(1n), [1, length]);
}

/** (B, steps), or (planes, B, steps) where there are several planes. */
function positionTensor(
  { Tensor }: Runtime,
  contexts: readonly NewTokens[],
  steps: number,
): Tensor {
  const batch = contexts.length;
  const planes = contexts[0]!.positions.length;
  const ids = new BigInt64Array(planes * batch * steps);
  contexts.forEach(({ positions }, i) => {
    positions.forEach((plane, p) => {
      const end = (p * batch + i + 1) * steps;
      ids.set(BigInt64Array.from(plane, BigInt), end - plane.length);
    });
  });
  return new Tensor("int64", ids, planes === 1 ? [batch, steps] : [planes, batch, steps]);
}
