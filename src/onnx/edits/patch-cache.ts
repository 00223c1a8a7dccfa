import { GroundsightError } from "../../errors.js";
import type { OnnxModel } from "../graph-model.js";
import { type CacheDelta, returnNewRows } from "./cache-delta.js";
import { splitAttention } from "./split-attention.js";

/**
 * Patches a decoder so that a token costs as little of its cache as the graph allows: new rows only come out, and,
 * where attention is written in single operators, the past is read where it lies.
 *
 * @throws UnsupportedCapabilityError when not even the first can be done; the plain path still works
 */
export function patchCache(model: OnnxModel): CacheDelta {
  const delta = returnNewRows(model);
  if (delta.attention !== "concat") return delta;
  try {
    return { ...delta, model: splitAttention(delta.model) };
  } catch (error) {
    if (GroundsightError.isInstance(error) && error.code === "UNSUPPORTED_CAPABILITY") return delta;
    throw error;
  }
}
