import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import type { MethodEntry } from "./method-entry.js";
import { applyPlausibility, BETA } from "./plausibility.js";

/** Options of {@link apc}. */
export interface ApcOptions {
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
}

const SETTINGS = { beta: BETA } as const satisfies SettingsSchema;

/**
 * The adaptive plausibility constraint alone: the control for contrastive methods, which truncate as well as contrast.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Leng et al. 2024 (arXiv 2311.16922), equation 4
 */
export function apc(options: ApcOptions = {}): Method {
  const { beta } = checkSettings("apc", SETTINGS, options);
  return {
    name: "apc",
    settings: { beta },
    needs: {},
    start: ({ view }) => ({
      streams: [{ view }],
      scores([output]) {
        const { logits } = output!;
        applyPlausibility(logits, beta, logits);
        return logits;
      },
    }),
  };
}

/** See {@link apc}. */
export const APC: MethodEntry = {
  name: "apc",
  summary: "implausible tokens cut (the control for contrastive methods)",
  paper: "Li et al. 2022 (arXiv 2210.15097)",
  cost: "1 stream",
  settings: SETTINGS,
  create: apc,
};
