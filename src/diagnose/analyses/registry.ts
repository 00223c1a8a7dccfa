import { InvalidArgumentError } from "../../index.js";
import type { Analysis } from "../contract/analysis.js";
import { alignment } from "./alignment.js";
import { attention } from "./attention.js";
import { cognition } from "./cognition.js";
import { consistency } from "./consistency.js";
import { data } from "./data.js";
import { elbow } from "./elbow.js";
import { forgetting } from "./forgetting.js";
import { noise } from "./noise.js";
import { ood } from "./ood.js";
import { pointing } from "./pointing.js";
import { prior } from "./prior.js";
import { stability } from "./stability.js";
import { trust } from "./trust.js";

/** Every analysis, in the order in which they are listed. To add one: a file beside this one, and a line here. */
export const ANALYSES: readonly Analysis[] = [
  elbow,
  alignment,
  attention,
  cognition,
  pointing,
  stability,
  trust,
  noise,
  prior,
  consistency,
  ood,
  data,
  forgetting,
];

/** @throws InvalidArgumentError for an unknown name, with those there are */
export function analysisNamed(name: string): Analysis {
  const found = ANALYSES.find((analysis) => analysis.name === name);
  if (found !== undefined) return found;
  const names = ANALYSES.map((analysis) => analysis.name).join(", ");
  throw new InvalidArgumentError(`analysis: received ${name}; expected one of ${names}`);
}
