import { checkSettings } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";
import {
  DESCRIPTION_SETTINGS,
  type DescriptionOptions,
  describedView,
  describeImage,
} from "./describe-image.js";
import type { MethodEntry } from "./method-entry.js";

/**
 * The question with a description of the image in it, and nothing else: the control for {@link vdgd}.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 */
export function described(options: DescriptionOptions = {}): Method {
  const settings = checkSettings("described", DESCRIPTION_SETTINGS, options);
  return {
    name: "described",
    settings,
    needs: { image: true },
    async start(run) {
      const { text } = await describeImage(run, settings);
      run.note("description", text);
      return { streams: [{ view: describedView(run.view, text, settings.order) }] };
    },
  };
}

/** See {@link described}. */
export const DESCRIBED: MethodEntry = {
  name: "described",
  summary: "a description of the image in the question (the control for vdgd)",
  cost: "1 stream, a description beforehand (once per image)",
  settings: DESCRIPTION_SETTINGS,
  create: described,
};
