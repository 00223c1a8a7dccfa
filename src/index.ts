/**
 * Make large vision-language models hallucinate less, see why they do, and measure both. This is everything for Node:
 * `load`, images, and all of `groundsight/core`.
 *
 * @example
 * ```ts
 * import { load, vcd } from "groundsight";
 *
 * const model = await load("pocket"); // or a checkpoint folder, or a hub id
 * const image = process.argv[2] ?? "photo.jpg";
 * const answer = await model.generate({
 *   image,
 *   prompt: "Is there a fork in the image?",
 *   method: vcd({ alpha: 1, beta: 0.1 }),
 * });
 * console.log(answer.text, answer.tokens[0]?.logprob);
 * ```
 * @module groundsight
 */
export * from "./core.js";
export { knownBase } from "./node/base-pairs.js";
export { type Dtype, GRAPH_NAMES, type GraphName } from "./node/checkpoint-folder.js";
export { DEVICES, type Device, type ListedDevice, listDevices } from "./node/devices.js";
export { diagnose } from "./node/doctor/diagnose.js";
export type { DiagnoseOptions, Diagnosis } from "./node/doctor/diagnosis.js";
export type { Check, CheckName } from "./node/doctor/examination.js";
export type { Cost } from "./node/doctor/measure-cost.js";
export type { MethodTrial } from "./node/doctor/try-methods.js";
export type { DtypeChoice } from "./node/dtype-choice.js";
export type { DownloadProgress } from "./node/hub.js";
export type { ImageLimits } from "./node/images/image-limits.js";
export { decodeImage } from "./node/images/open-image.js";
export { readImageFile } from "./node/images/read-image.js";
export { type ListedModel, listModels } from "./node/list-models.js";
export { load } from "./node/load.js";
export type { LoadOptions } from "./node/load-options.js";
export { type LoadTextOptions, loadTextModel } from "./node/load-text-model.js";
