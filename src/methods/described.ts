import type { Method } from "../engine/method.js";
import { checkOptions } from "./check-options.js";
import {
  DESCRIPTION_OPTIONS,
  type DescriptionOptions,
  describedPrompt,
  describeImage,
  descriptionSettings,
} from "./describe-image.js";

/**
 * The question with a description of the image before it, and nothing else: the control for {@link vdgd}.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 */
export function described(options: DescriptionOptions = {}): Method {
  checkOptions("described", options, DESCRIPTION_OPTIONS);
  const settings = descriptionSettings(options);
  return {
    name: "described",
    settings,
    needs: ["image"],
    async start(run) {
      const { text } = await describeImage(run, settings);
      run.note("description", text);
      return {
        streams: [{ image: run.image, prompt: describedPrompt(text, run.prompt) }],
        scores: ([logits]) => logits!,
      };
    },
  };
}
