import { InvalidArgumentError, UnsupportedCapabilityError } from "../../errors.js";
import type { OnnxModel } from "../graph-model.js";
import type { CacheDelta } from "./cache-delta.js";
import type { EditStage, GraphEdit } from "./graph-edit.js";
import { patchCache } from "./patch-cache.js";

/**
 * Applies edits to a stock graph, by stage and within a stage by key, so that the order they are given in does not
 * matter: attention first, while its products are where exporters put them; then the cache patch, if asked for; then
 * read-outs, which must find the layers; then the residual stream, whose changes the read-outs see.
 *
 * @param model a stock graph; not touched
 * @param edits of one graph; those of equal key are applied once
 * @param options `newRows`: patch a decoder to return new rows of its cache only, and to read the past where it lies
 * ({@link patchCache})
 * @throws InvalidArgumentError when edits are of two graphs, or add a value of the same name
 * @throws UnsupportedCapabilityError naming what was looked for and what was found
 * @throws ShapeError when an edit does not fit the graph
 */
export function applyEdits(
  model: OnnxModel,
  edits: readonly GraphEdit[],
  { newRows }: { readonly newRows: boolean },
): OnnxModel {
  if (newRows) return editDecoder(model, edits).model;
  return applyStages(model, edits, ["attention", "output", "residual"]);
}

/**
 * As {@link applyEdits} with new rows; tells as well how the past may be fed and what the cache's outputs are called.
 */
export function editDecoder(model: OnnxModel, edits: readonly GraphEdit[]): CacheDelta {
  const delta = patchCache(applyStages(model, edits, ["attention"]));
  return { ...delta, model: applyStages(delta.model, edits, ["output", "residual"]) };
}

function applyStages(
  model: OnnxModel,
  edits: readonly GraphEdit[],
  stages: readonly EditStage[],
): OnnxModel {
  const [first] = edits;
  const other = edits.find(({ graph }) => graph !== first?.graph);
  if (other !== undefined) {
    throw new InvalidArgumentError(
      `edits: received "${first?.key}" of the ${first?.graph} graph and "${other.key}" of the ${other.graph} graph; expected edits of one graph`,
    );
  }
  if (first !== undefined) refuseBranches(model);
  const byKey = [...new Map(edits.map((edit) => [edit.key, edit])).values()];
  byKey.sort((a, b) => (a.key < b.key ? -1 : 1));
  return stages
    .flatMap((stage) => byKey.filter((edit) => edit.stage === stage))
    .reduce(applyOne, model);
}

/** Older merged exports hold a decoder twice, in the branches of an If: with a past and without. */
function refuseBranches({ graph }: OnnxModel): void {
  if (!graph.inputs.some(({ name }) => name === "use_cache_branch")) return;
  throw new UnsupportedCapabilityError(
    "looked for one decoder to edit, found two in the branches of an If (input use_cache_branch): export the model again, without branches",
  );
}

function applyOne(model: OnnxModel, edit: GraphEdit): OnnxModel {
  const edited = edit.apply(model);
  const { inputs, initializers, nodes } = edited.graph;
  const stored = new Set(initializers.map(({ name }) => name));
  const known = new Set<string>();
  const values = [
    ...stored,
    // A graph may list its initializers among its inputs.
    ...inputs.map(({ name }) => name).filter((name) => !stored.has(name)),
    ...nodes.flatMap(({ outputs }) => outputs),
  ];
  if (stored.size < initializers.length) refuse(edit, "an initializer");
  for (const name of values) {
    if (name !== "" && known.has(name)) refuse(edit, name);
    known.add(name);
  }
  return edited;
}

function refuse(edit: GraphEdit, name: string): never {
  throw new InvalidArgumentError(
    `edit "${edit.key}": it adds ${name}, which another edit has added to the ${edit.graph} graph; use one of the two`,
  );
}
