import { MERGEABLE } from "./adapter-folder.js";
import { availableDtypes, type Dtype } from "./checkpoint-folder.js";
import { cachedModels } from "./hub.js";
import { bundledFolder, bundledNames } from "./locate.js";
import { locateCheckpoint } from "./locate-checkpoint.js";

/** A model that can be loaded without a network. */
export interface ListedModel {
  /** What to give to `load`. */
  readonly name: string;
  readonly source: "bundled" | "cache";
  readonly folder: string;
  /** Precisions that are complete: of all graphs, or of each where they differ ("embed_tokens=fp16,..."). */
  readonly dtypes: readonly string[];
}

/** Lists the bundled models and those in the download cache. */
export async function listModels(
  options: { readonly cacheDir?: string } = {},
): Promise<ListedModel[]> {
  const bundled = bundledNames().map((name): ListedModel => {
    const folder = bundledFolder(name)!;
    return { name, source: "bundled", folder, dtypes: loadableDtypes(name) };
  });
  const cached = await cachedModels(options.cacheDir);
  return [
    ...bundled,
    ...cached.map(
      ({ hubId, folder, dtypes }): ListedModel => ({
        name: hubId,
        source: "cache",
        folder,
        dtypes,
      }),
    ),
  ];
}

/** The precisions of a bundled model; a variant has those of its base that take an adapter. */
function loadableDtypes(name: string): Dtype[] {
  const { base, adapter } = locateCheckpoint(name);
  const dtypes = "folder" in base ? availableDtypes(base.folder) : [];
  return adapter === undefined ? dtypes : dtypes.filter((dtype) => MERGEABLE.includes(dtype));
}
