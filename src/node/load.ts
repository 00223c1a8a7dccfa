import { totalmem } from "node:os";
import type { Model } from "../engine/model.js";
import { LocalModel } from "../model/local-model.js";
import { readAdapter } from "./adapter-folder.js";
import { readCheckpointFolder, readFamily } from "./checkpoint-folder.js";
import { requireDevice } from "./devices.js";
import { dtypeText } from "./dtype-choice.js";
import { fetchModel } from "./hub.js";
import { loadBackend } from "./load-backend.js";
import { checkLoadOptions, type LoadOptions } from "./load-options.js";
import { locateCheckpoint } from "./locate-checkpoint.js";
import { onnxRuntime } from "./onnx-runtime.js";
import { WorkerModel } from "./worker/worker-model.js";

/**
 * Loads a vision-language checkpoint.
 *
 * @param name "pocket" (comes with the package), a folder, or a hub id; a folder may also be that of an adapter, which
 * names its base
 * @throws ModelLoadError when it or its adapter cannot be found, is incomplete, corrupt, or of an unknown kind
 * @throws InvalidArgumentError for unknown options or values
 * @throws UnsupportedCapabilityError when ONNX Runtime is not installed, with the command that installs it; or when the
 * device is not there, with what is there
 */
export async function load(name: string, options: LoadOptions = {}): Promise<Model> {
  const dtypes = checkLoadOptions(options);
  const { base, adapter: named } = locateCheckpoint(name, options.adapter);
  const adapter = named && { ...readAdapter(named.folder), name: named.name };
  // Before anything is fetched. A worker loads it in its own thread.
  if (options.worker !== true) await onnxRuntime();
  if (options.device !== undefined) await requireDevice(options.device);
  const path =
    "hubId" in base
      ? await fetchModel(base.hubId, { ...options, dtype: dtypes, judge: readFamily })
      : base.folder;
  const folder = readCheckpointFolder(path, dtypes);
  if (options.worker === true) {
    const { worker: _, onProgress: __, signal: ___, ...rest } = options;
    return WorkerModel.load(name, rest);
  }
  const { liveCacheMiB } = options;
  const liveBytes = liveCacheMiB === undefined ? totalmem() / 4 : liveCacheMiB * 2 ** 20;
  const dtype = dtypeText(dtypes);
  return new LocalModel(await loadBackend({ id: name, folder, dtype, adapter, options }), {
    liveBytes,
  });
}
