import type { Estimate } from "../contract/analysis.js";
import { against, estimateText } from "./estimate-text.js";

/**
 * A sentence of what a difference says of a paper's claim that it is above 0.
 *
 * @param claim what the paper found, such as `false yes grows with the noise`
 */
export function verdict(difference: Estimate, claim: string): string {
  const told = estimateText(difference, 1);
  switch (against(difference, 0)) {
    case "agrees":
      return `As in the paper, ${claim}: ${told} points.`;
    case "contradicts":
      return `Against the paper, which found that ${claim}: ${told} points.`;
    case "open":
      return `The paper found that ${claim}; that is not shown here: ${told} points.`;
  }
}
