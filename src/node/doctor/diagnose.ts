import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ImageSource } from "../../engine/conversation.js";
import { InvalidArgumentError } from "../../errors.js";
import { requireDevice } from "../devices.js";
import { dtypeText } from "../dtype-choice.js";
import { checkLoadOptions } from "../load-options.js";
import { onnxRuntime } from "../onnx-runtime.js";
import { packageFile } from "../package-file.js";
import type { DiagnoseOptions, Diagnosis } from "./diagnosis.js";
import { Examination } from "./examination.js";
import { examineFiles } from "./examine-files.js";
import { examineModel, type ModelFindings } from "./examine-model.js";
import { examineStock } from "./examine-stock.js";

/**
 * Examines a checkpoint: its files, names and shapes of its graphs, what it makes of an image and a question against stock
 * transformers.js, its cache, steering at strength 0, which methods run, and what a token costs. One that cannot be loaded
 * is told about as far as it can be read.
 *
 * @param name as for `load`
 * @throws InvalidArgumentError for unknown options or values
 * @throws UnsupportedCapabilityError when ONNX Runtime is not installed, with the command that installs it; or when the
 * device is not there, with what is there
 * @throws AbortedError when the signal fires
 */
export async function diagnose(name: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { stock = true, image = bundledImage(), onCheck, ...loading } = options;
  if ("worker" in loading) {
    throw new InvalidArgumentError("diagnose has no option 'worker'; it runs in this thread");
  }
  const dtypes = checkLoadOptions(loading);
  await onnxRuntime();
  if (loading.device !== undefined) await requireDevice(loading.device);
  const examination = new Examination(loading.signal, onCheck);
  const files = await examineFiles(examination, name, image, { ...loading, dtype: dtypes });
  const found: ModelFindings = await examineModel(examination, name, image, files, {
    ...loading,
    dtype: dtypes,
  });
  await examineStock(examination, stock, files, found, { dtypes, threads: loading.threads });
  const { checks } = examination;
  return {
    model: name,
    folder: files.path ?? null,
    adapter: files.adapter?.folder ?? null,
    family: files.family?.name ?? files.plugin ?? null,
    dtype: dtypeText(dtypes),
    healthy: checks.every(({ status }) => status !== "fault"),
    checks,
    methods: found.methods,
    cost: found.cost,
  };
}

/** The first image of the demonstration, which comes with the package. */
function bundledImage(): ImageSource {
  const folder = packageFile("../../../pocket/demo", import.meta.url, "the demonstration's image");
  return join(folder, readdirSync(folder).find((name) => name.endsWith(".png")) ?? "image.png");
}
