import type { TrustCalibration } from "./calibration.js";

/**
 * Fitted by `groundsight diagnose trust --split dev --base none --others none --signals verification --fit`, to six digits; to be fitted
 * anew when the checkpoint is trained again. Self-verification alone: all signals together find no more (docs/findings.md), and how likely a
 * word was where it stands says little of a caption that the model did not write.
 */
export const POCKET_CALIBRATION: TrustCalibration = {
  schemaVersion: 1,
  model: {
    id: "pocket",
    dtype: "fp32",
    hash: "8e6f6d2a1dd85e7cba61e02ebdb67fc0d2f71cd5949fc2f9cb9518d4901e187a",
  },
  data: { name: "pocket dev", captions: 120, objects: 509, invented: 27 },
  wording: "Is there a {object} in the image?",
  elementPrompt: "Describe any element of the image with only one word or phrase.",
  noiseStep: 500,
  bias: 5.53229,
  signals: [{ name: "verification", mean: -6.1447, sd: 2.49038, weight: -2.32072 }],
  threshold: 0.95046,
  kept: 95,
};
