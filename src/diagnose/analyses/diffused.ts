import { diffusedView, type Method } from "../../index.js";

/** The model's own answer about an image under VCD's noise; step 0 leaves the image as it is. */
export function diffused(step: number): Method {
  return {
    name: "diffused",
    settings: { noiseStep: step },
    needs: { image: true },
    seeded: true,
    start: (run) => ({
      streams: [{ view: step === 0 ? run.view : diffusedView(run, step) }],
    }),
  };
}

/** Steps of the noise from 0 to 999, both with them. */
export function noiseSteps(count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.round((999 * i) / (count - 1)));
}
