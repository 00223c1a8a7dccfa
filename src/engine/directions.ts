import type { JsonValue } from "./json-value.js";

/** Directions for the layers of one graph, of any length: only where they point counts. */
export interface LayerDirections {
  readonly layers: number;
  /** 1 for a direction per layer (decoder), or one per image position (vision tower). */
  readonly positions: number;
  readonly width: number;
  /** (layers, positions, width) */
  readonly data: Float32Array;
}

/** Orthonormal vectors for the layers of a decoder, those that matter most first. */
export interface LayerSubspaces {
  readonly layers: number;
  /** Vectors of a layer. */
  readonly rank: number;
  readonly width: number;
  /** (layers, rank, width) */
  readonly data: Float32Array;
}

/**
 * Directions that steer a model, fitted on that model. Not to be changed once they are used: what is made of them (their
 * hash, edits of graphs, the copy in a worker) is made once. To try other numbers, make new directions of a copy.
 */
export interface SteeringDirections {
  /** `Model.hash()` of the model they belong to. */
  readonly modelHash: string;
  /** For the vision tower, when fitted. */
  readonly image?: LayerDirections;
  /** For the decoder, when fitted. */
  readonly text?: LayerDirections;
  /** What hallucinated captions span in the decoder, when fitted: for the method `nullu`. */
  readonly subspace?: LayerSubspaces;
  /** How they were fitted, and what was found. */
  readonly facts: Readonly<Record<string, JsonValue>>;
}

/** How strongly to steer. The paper's value is 0.4 for both; 0 leaves a part as it is, below 0 steers backwards. */
export interface SteeringStrengths {
  /** Alpha of the vision tower. Default 0. */
  readonly image?: number;
  /** Beta of the decoder. Default 0. */
  readonly text?: number;
}
