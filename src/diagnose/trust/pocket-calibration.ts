import type { TrustCalibration } from "./calibration.js";

/** Fitted by `groundsight diagnose trust --split dev --fit`, to six digits; to be fitted anew when the checkpoint is trained again. */
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
  bias: 6.87602,
  signals: [
    { name: "verification", mean: -6.1447, sd: 2.49038, weight: -2.12946 },
    { name: "anyElement", mean: -10.4906, sd: 1.98483, weight: 0.574451 },
    { name: "logprob", mean: -0.145474, sd: 0.277571, weight: 0.471073 },
    { name: "entropy", mean: 0.397628, sd: 0.585949, weight: -0.548042 },
    { name: "distorted", mean: 0.825808, sd: 1.28349, weight: -0.278794 },
    { name: "imageless", mean: 3.2566, sd: 1.26267, weight: 0.873183 },
  ],
  threshold: 0.975741,
  kept: 95,
};
