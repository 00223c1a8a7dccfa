import { availableDtypes, type Dtype } from "./checkpoint-folder.js";
import { cachedModels } from "./hub.js";
import { BUNDLED, bundledFolder } from "./locate.js";

/** A model that can be loaded without a network. */
export interface ListedModel {
  /** What to give to `load`. */
  readonly name: string;
  readonly source: "bundled" | "cache";
  readonly folder: string;
  /** Precisions that are complete. */
  readonly dtypes: readonly Dtype[];
}

/** Lists the bundled models and those in the download cache. */
export async function listModels(
  options: { readonly cacheDir?: string } = {},
): Promise<ListedModel[]> {
  const bundled = Object.keys(BUNDLED).map((name): ListedModel => {
    const folder = bundledFolder(name)!;
    return { name, source: "bundled", folder, dtypes: availableDtypes(folder) };
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
