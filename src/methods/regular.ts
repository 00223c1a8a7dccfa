import { checkSettings } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import type { MethodEntry } from "./method-entry.js";

/** The model's own logits, unchanged: one stream. */
export function regular(options: Record<never, never> = {}): Method {
  checkSettings("regular", {}, options);
  return {
    name: "regular",
    settings: {},
    needs: {},
    start: ({ view }) => ({ streams: [{ view }] }),
  };
}

/** See {@link regular}. */
export const REGULAR: MethodEntry = {
  name: "regular",
  summary: "the model's own logits",
  cost: "1 stream",
  settings: {},
  create: regular,
};
