/** Groundsight: make large vision-language models hallucinate less, see why they do, and measure both. */
export * from "./core.js";
export type { Dtype } from "./node/checkpoint-folder.js";
export type { DownloadProgress } from "./node/hub.js";
export type { ImageLimits } from "./node/images/image-limits.js";
export { decodeImage } from "./node/images/open-image.js";
export { type ListedModel, listModels } from "./node/list-models.js";
export { load } from "./node/load.js";
export type { LoadOptions } from "./node/load-options.js";
