import { UNKNOWN_IMAGE } from "../../engine/image-variant.js";
import type { View } from "../../engine/view.js";
import { UnsupportedCapabilityError } from "../../errors.js";
import type { PromptLayout } from "../../families/family.js";

/**
 * Whether a view's images are unknown ones ({@link UNKNOWN_IMAGE}).
 *
 * @throws UnsupportedCapabilityError where some are and others are not
 */
export function isUnknown(view: View): boolean {
  const images = view.flatMap(({ parts }) => parts).filter((part) => part.type === "image");
  const unknown = images.filter(({ variant }) => variant === UNKNOWN_IMAGE);
  if (unknown.length === 0 || unknown.length === images.length) return unknown.length > 0;
  throw new UnsupportedCapabilityError(
    `images: received ${unknown.length} of ${images.length} as unknown tokens; expected all of a stream's or none`,
  );
}

/**
 * A prompt with one unknown token in the place of each image's features, and of what stands between these. What stands
 * around an image is kept, and positions count on as in a text.
 *
 * @throws UnsupportedCapabilityError when the tokenizer has no such token
 */
export function withUnknownImages(layout: PromptLayout, unknown: number | undefined): PromptLayout {
  if (unknown === undefined) {
    throw new UnsupportedCapabilityError(
      "images: looked for an unknown token to put in their place (unk_token in tokenizer_config.json), found none; leave the images out instead",
    );
  }
  let behind = 0;
  const pieces = layout.images.map(({ start, end }) => {
    const before = layout.tokens.slice(behind, start);
    behind = end;
    return [...before, unknown];
  });
  const tokens = [...pieces.flat(), ...layout.tokens.slice(behind)];
  const { planes } = layout.positions;
  const first = planes[0]?.[0] ?? 0;
  return {
    tokens,
    positions: {
      planes: planes.map(() => Int32Array.from(tokens, (_, i) => first + i)),
      next: first + tokens.length,
    },
    images: [],
    sharedLengths: [],
  };
}
