import { checkNames } from "../arguments/check-names.js";
import { oneOf } from "../arguments/numbers.js";
import {
  DTYPE_SUFFIXES,
  type Dtype,
  dtypesOf,
  eachGraph,
  GRAPH_NAMES,
  type GraphDtypes,
  type GraphName,
} from "./checkpoint-folder.js";

/** A precision for all graphs, or one for each; graphs that are not named are in fp32. */
export type DtypeChoice = Dtype | { readonly [Graph in GraphName]?: Dtype };

/**
 * The precision of each graph.
 *
 * @throws InvalidArgumentError naming a graph or a precision that does not exist
 */
export function graphDtypes(choice: unknown = "fp32"): GraphDtypes {
  const known = Object.keys(DTYPE_SUFFIXES) as Dtype[];
  if (typeof choice !== "object" || choice === null || Array.isArray(choice)) {
    return eachGraph(() => oneOf("dtype", choice, known));
  }
  checkNames(choice, GRAPH_NAMES, "dtype: there is no graph");
  const named = choice as Readonly<Record<string, unknown>>;
  return eachGraph((name) => oneOf(`dtype of ${name}`, named[name] ?? "fp32", known));
}

/** Precisions in words: one for all graphs ("q4"), or those of each ("embed_tokens=fp16,..."), as `--dtype` takes them. */
export function dtypeText(choice: Dtype | GraphDtypes): string {
  const dtypes = dtypesOf(choice);
  const [first, ...others] = GRAPH_NAMES.map((name) => dtypes[name]);
  return others.every((other) => other === first)
    ? first!
    : GRAPH_NAMES.map((name) => `${name}=${dtypes[name]}`).join(",");
}
