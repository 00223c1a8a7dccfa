import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { Picture } from "../engine/image-variant.js";
import type { Method, MethodRun } from "../engine/method.js";
import { mapImages, type View } from "../engine/view.js";
import type { SeededRandom } from "../math/seeded-random.js";
import type { MethodEntry } from "./method-entry.js";
import { gaussianBlur } from "./pictures/blur.js";
import { changePicture } from "./pictures/change-picture.js";
import { brightness, contrastOf, hue, saturation } from "./pictures/colour.js";
import { crop, flip, rotate, type Window } from "./pictures/move.js";
import { applyPlausibility, BETA } from "./plausibility.js";

/** A transformation of {@link ritual}. */
export type RitualTransform =
  | "flip-horizontal"
  | "flip-vertical"
  | "rotate"
  | "jitter"
  | "blur"
  | "crop";

/** Options of {@link ritual}. */
export interface RitualOptions {
  /** Weight of the transformed images' logits, at least 0. Default 3. */
  readonly alpha?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
  /** How images are transformed; "random" draws one for each image and seed. Default "random". */
  readonly transform?: RitualTransform | "random";
}

type Change = (picture: Picture, random: SeededRandom) => Picture;

const between = (random: SeededRandom, from: number, to: number): number =>
  from + (to - from) * random.uniform();

/** The authors' six, with their ranges. */
const TRANSFORMS: Readonly<Record<RitualTransform, Change>> = {
  "flip-horizontal": (picture) => flip(picture, "horizontal"),
  "flip-vertical": (picture) => flip(picture, "vertical"),
  rotate: (picture, random) => rotate(picture, between(random, -180, 180)),
  jitter,
  blur: (picture, random) => gaussianBlur(picture, between(random, 1.5, 2), 6),
  crop: (picture, random) => crop(picture, randomWindow(picture, random)),
};

const NAMES = Object.keys(TRANSFORMS) as RitualTransform[];

const SETTINGS = {
  alpha: { type: "number", min: 0, default: 3, summary: "weight of the transformed image" },
  beta: BETA,
  transform: {
    type: "choice",
    choices: [
      "random",
      "flip-horizontal",
      "flip-vertical",
      "rotate",
      "jitter",
      "blur",
      "crop",
    ] satisfies (RitualTransform | "random")[],
    default: "random",
    summary: "how the image is transformed",
  },
} as const satisfies SettingsSchema;

/** Transformations without chance in them. */
const FIXED: ReadonlySet<string> = new Set<RitualTransform>(["flip-horizontal", "flip-vertical"]);

/**
 * Random image transformations: prefers what the images support also when they are seen in another way.
 * Two streams: the images v, and T(v), one transformation for each image and the whole answer.
 *
 *     scores = l(v) + alpha l(T(v)),  kept where l(v)[y] >= ln(beta) + max l(v)
 *
 * A crop is handed to the model's processor as it was cut out; the authors squash it to 336 x 336 first.
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Woo et al. 2024 (arXiv 2405.17821)
 */
export function ritual(options: RitualOptions = {}): Method {
  const settings = checkSettings("ritual", SETTINGS, options);
  const { alpha, beta, transform } = settings;
  return {
    name: "ritual",
    settings,
    needs: { image: true },
    ...(FIXED.has(transform) ? {} : { seeded: true }),
    start: (run) => ({
      streams: [{ view: run.view }, { view: transformedView(run, transform) }],
      scores([plain, transformed]) {
        const { logits } = plain!;
        const scores = transformed!.logits;
        for (let i = 0; i < scores.length; i++) scores[i] = logits[i]! + alpha * scores[i]!;
        applyPlausibility(logits, beta, scores);
        return scores;
      },
    }),
  };
}

function transformedView(
  { view, seed, random }: Pick<MethodRun, "view" | "seed" | "random">,
  transform: RitualTransform | "random",
): View {
  return mapImages(view, (variant, image) => {
    const by = FIXED.has(transform) ? "" : ` with seed ${seed}`;
    return changePicture(variant, `transformed (${transform})${by}`, (picture) => {
      const draws = random("ritual transform", image);
      const name = transform === "random" ? NAMES[draws.integer(NAMES.length)]! : transform;
      return TRANSFORMS[name](picture, draws);
    });
  });
}

/** Brightness, contrast, saturation and hue, each changed by chance, in an order by chance. */
function jitter(picture: Picture, random: SeededRandom): Picture {
  const changes: ((given: Picture) => Picture)[] = [
    (given) => brightness(given, between(random, 0, 2)),
    (given) => contrastOf(given, between(random, 0, 2)),
    (given) => saturation(given, between(random, 0, 2)),
    (given) => hue(given, between(random, -0.5, 0.5)),
  ];
  let changed = picture;
  while (changes.length > 0) {
    const [change] = changes.splice(random.integer(changes.length), 1);
    changed = change!(changed);
  }
  return changed;
}

/** A window of 8% to all of the area, 3:4 to 4:3; where ten tries do not fit, the largest of these shapes in the middle. */
function randomWindow({ width, height }: Picture, random: SeededRandom): Window {
  for (let tries = 0; tries < 10; tries++) {
    const area = width * height * between(random, 0.08, 1);
    const ratio = Math.exp(between(random, Math.log(3 / 4), Math.log(4 / 3)));
    const wide = Math.round(Math.sqrt(area * ratio));
    const high = Math.round(Math.sqrt(area / ratio));
    if (wide < 1 || high < 1 || wide > width || high > height) continue;
    const left = random.integer(width - wide + 1);
    return { left, top: random.integer(height - high + 1), width: wide, height: high };
  }
  const wide = Math.min(width, Math.round((height * 4) / 3));
  const high = Math.min(height, Math.round((width * 4) / 3));
  const [left, top] = [Math.floor((width - wide) / 2), Math.floor((height - high) / 2)];
  return { left, top, width: wide, height: high };
}

/** See {@link ritual}. */
export const RITUAL: MethodEntry = {
  name: "ritual",
  summary: "the image and a randomly transformed copy of it, joined",
  paper: "Woo et al. 2024 (arXiv 2405.17821)",
  cost: "2 streams, 2 encodings of an image",
  settings: SETTINGS,
  create: ritual,
};
