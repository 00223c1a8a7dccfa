import type { Method } from "../engine/method.js";
import { checkOptions } from "./check-options.js";
import { applyPlausibility, checkBeta } from "./plausibility.js";

/** Options of {@link apc}. */
export interface ApcOptions {
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
}

/**
 * The adaptive plausibility constraint alone: the control for contrastive methods, which truncate as well as contrast.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Leng et al. 2024 (arXiv 2311.16922), equation 4
 */
export function apc(options: ApcOptions = {}): Method {
  checkOptions("apc", options, ["beta"]);
  const beta = checkBeta(options.beta ?? 0.1);
  return {
    name: "apc",
    settings: { beta },
    needs: [],
    start: ({ prompt, image }) => ({
      streams: [{ prompt, image }],
      scores([logits]) {
        applyPlausibility(logits!, beta, logits!);
        return logits!;
      },
    }),
  };
}
