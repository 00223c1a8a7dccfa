import { importFailure } from "../../errors.js";

/** What plots are drawn with: Observable Plot, and a document to draw in. */
export type PlotLibrary = typeof import("@observablehq/plot") & {
  readonly document: ReturnType<typeof import("linkedom").parseHTML>["document"];
};

/**
 * Loaded when it is needed: not everybody has it installed.
 *
 * @throws UnsupportedCapabilityError when a package is not installed, with the command that installs both
 */
export async function plotLibrary(): Promise<PlotLibrary> {
  const plot = await import("@observablehq/plot").catch((cause: unknown) =>
    missing("@observablehq/plot", "0.6.17", "linkedom@0.18.15", cause),
  );
  const { parseHTML } = await import("linkedom").catch((cause: unknown) =>
    missing("linkedom", "0.18.15", "@observablehq/plot@0.6.17", cause),
  );
  return { ...plot, document: parseHTML("<html><body></body></html>").document };
}

/**
 * Makes sure that plots can be drawn, before long work of which they are to show the outcome.
 *
 * @throws UnsupportedCapabilityError when a package is not installed, with the command that installs both
 */
export async function preparePlots(): Promise<void> {
  await plotLibrary();
}

function missing(name: string, version: string, other: string, cause: unknown): never {
  throw importFailure({ name, version, use: "drawing plots", flags: other }, cause);
}
