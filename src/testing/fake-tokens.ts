import type { ImageSource } from "../engine/conversation.js";
import type { ImageVariant } from "../engine/image-variant.js";
import type { View } from "../engine/view.js";

/** Ids beyond the bytes 0 to 255. */
export const BEGIN_TOKEN = 256;
export const END_TOKEN = 257;
export const IMAGE_TOKEN_ID = 258;
export const VOCABULARY = 259;
/** Text of the image token. */
export const IMAGE_TOKEN = "<image>";
/** What stands between a prompt and its answer. */
export const ANSWER_MARK = "\nMODEL:";
/** Tokens of one image. */
export const IMAGE_TOKENS = 4;

/** One token of a context: its id, the value of its image feature (0 for text) and its position. */
export interface FakeToken {
  readonly id: number;
  readonly feature: number;
  readonly position: number;
  readonly isImage?: boolean;
}

/** An opened image: its values from 0 to 1. */
export interface FakeImage {
  readonly key: string;
  readonly values: Float32Array;
}

/** Opens an image; a path or URL stands for the bytes of its own text. */
export function fakeImage(source: ImageSource): FakeImage {
  if (source instanceof Blob) throw new Error("a fake model takes no Blob");
  const bytes =
    typeof source === "string" || source instanceof URL
      ? new TextEncoder().encode(String(source))
      : source instanceof Uint8Array
        ? source
        : source instanceof ArrayBuffer
          ? new Uint8Array(source)
          : source.data;
  const shape = "width" in Object(source) ? (source as { width: number }).width : "";
  return {
    key: `${shape}:${bytes.join()}`,
    values: Float32Array.from(bytes, (byte) => byte / 255),
  };
}

/**
 * A view as tokens: images where they stand, each turn behind the answer mark of the one before. An image token's
 * feature is the mean of the image's values, as the variant sees them.
 */
export async function fakeTokens(view: View, images: readonly FakeImage[]): Promise<FakeToken[]> {
  const tokens: Omit<FakeToken, "position">[] = [{ id: BEGIN_TOKEN, feature: 0 }];
  const say = (text: string) => {
    for (const id of new TextEncoder().encode(text)) tokens.push({ id, feature: 0 });
  };
  for (const { role, parts } of view) {
    for (const part of parts) {
      if (part.type === "text") say(part.text);
      else {
        const { variant } = part;
        const { values } = images[part.image]!;
        const seen =
          variant.picture === undefined ? values : await changed(values, variant.picture);
        const pixels = { data: seen, dims: [1, seen.length] };
        const { data } = await variant.features(pixels, async (given) => meanFeatures(given.data));
        for (let i = 0; i < IMAGE_TOKENS; i++) {
          tokens.push({ id: IMAGE_TOKEN_ID, feature: data[2 * i + 1]!, isImage: true });
        }
      }
    }
    say(role === "user" ? ANSWER_MARK : "\n");
  }
  return tokens.map((token, position) => ({ ...token, position }));
}

/** An image's values as a variant changes its picture: one row of grey pixels. */
async function changed(
  values: Float32Array,
  change: NonNullable<ImageVariant["picture"]>,
): Promise<Float32Array> {
  const data = Uint8Array.from({ length: 3 * values.length }, (_, i) =>
    Math.round(255 * values[Math.floor(i / 3)]!),
  );
  const picture = await change({ data, width: values.length, height: 1, channels: 3 });
  return Float32Array.from(
    { length: picture.width * picture.height },
    (_, i) => picture.data[3 * i]! / 255,
  );
}

/** Features (1, 4, 2): the image token's id and the mean of the values. */
export function meanFeatures(values: Float32Array): { data: Float32Array; dims: number[] } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const data = Float32Array.from({ length: 2 * IMAGE_TOKENS }, (_, i) =>
    i % 2 === 0 ? IMAGE_TOKEN_ID : mean,
  );
  return { data, dims: [1, IMAGE_TOKENS, 2] };
}

/** Text of ids: bytes as UTF-8, others left out. */
export function fakeText(ids: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256)));
}
