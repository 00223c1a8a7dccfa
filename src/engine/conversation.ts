/** Decoded pixels, row by row from the top left, channels interleaved, 0 to 255. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGB and opacity (composed over white). */
  readonly channels: 1 | 3 | 4;
}

/** An image: a file's path or URL (also a data URL), its bytes, a Blob of them, or decoded pixels. */
export type ImageSource = string | URL | Uint8Array | ArrayBuffer | Blob | Pixels;

/** Who says a turn. */
export type Role = "system" | "user" | "assistant";

/** A piece of a turn. */
export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly image: ImageSource };

/** A turn of a conversation: text, or text and images in any order and number. */
export interface Turn {
  readonly role: Role;
  readonly content: string | readonly ContentPart[];
}
