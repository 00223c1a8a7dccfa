// A method of one's own: contrast the image with no image at all, so that what the text alone suggests counts less.
import {
  checkSettings,
  contrast,
  load,
  type Method,
  type MethodEntry,
  type SettingsSchema,
  withoutImages,
} from "groundsight";

const SETTINGS = {
  alpha: { type: "number", min: 0, default: 0.5, summary: "strength of the contrast" },
} as const satisfies SettingsSchema;

/** scores = (1 + alpha) l(image) - alpha l(text only), kept where plausible with the image */
export function imageFree(options: { readonly alpha?: number } = {}): Method {
  const { alpha } = checkSettings("image-free", SETTINGS, options);
  return {
    name: "image-free",
    settings: { alpha },
    needs: { image: true },
    start: ({ view }) => ({
      streams: [{ view }, { view: withoutImages(view) }],
      // Where the image makes a token implausible, no contrast may bring it back.
      scores: ([seen, blind]) => contrast(seen!.logits, blind!.logits, alpha, 0.1),
    }),
  };
}

/** What a registry needs: flags, help, checks and stored settings come from it. Your own programs do not. */
export const IMAGE_FREE: MethodEntry = {
  name: "image-free",
  summary: "the image contrasted with no image at all",
  cost: "2 streams",
  settings: SETTINGS,
  create: imageFree,
};

await using model = await load("pocket");
const image = process.argv[2] ?? "photo.jpg";
const prompt = "Is there a fork in the image?";
const { text } = await model.generate({ image, prompt, method: imageFree({ alpha: 1 }) });
console.log(text);
