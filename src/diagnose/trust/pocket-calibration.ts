import type { TrustCalibration } from "./calibration.js";

/** Fitted by `groundsight diagnose trust --split dev --fit`. */
export const POCKET_CALIBRATION: TrustCalibration = {
  schemaVersion: 1,
  model: { id: "pocket", dtype: "fp32", hash: "" },
  data: { name: "pocket dev", captions: 0, objects: 0, invented: 0 },
  wording: "Is there a {object} in the image?",
  elementPrompt: "Describe any element of the image with only one word or phrase.",
  noiseStep: 500,
  bias: 0,
  signals: [],
  threshold: 0.5,
  kept: 95,
};
