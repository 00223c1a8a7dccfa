/** A part of a picture, as fractions of its width and height from the top left; beyond 0 and 1 where it was padded. */
export interface PictureArea {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** All of a picture. */
export const WHOLE_PICTURE: PictureArea = { left: 0, top: 0, right: 1, bottom: 1 };

/** Features of an image that lie row by row over a part of the picture. */
export interface FeatureGrid {
  readonly rows: number;
  readonly columns: number;
  readonly area: PictureArea;
}

/** An image in a prompt: which tokens its features stand for, and how they lie over the picture. */
export interface ImageInPrompt {
  /** Which of the request's images. */
  readonly image: number;
  /** The tokens of its features in their order: first, and end exclusive. */
  readonly spans: readonly { readonly start: number; readonly end: number }[];
  /** Its features, grid by grid in their order, such as tiles and the whole picture; undefined where they are no grids. */
  readonly grids: readonly FeatureGrid[] | undefined;
}
