import type { Method } from "../engine/method.js";

/** The model's own logits, unchanged: one stream. */
export function regular(): Method {
  return {
    name: "regular",
    settings: {},
    needs: [],
    start: ({ prompt, image }) => ({
      streams: [{ prompt, image }],
      scores: ([logits]) => logits!,
    }),
  };
}
