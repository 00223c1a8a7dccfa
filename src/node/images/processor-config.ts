import { join } from "node:path";
import { ModelLoadError } from "../../errors.js";
import { readJsonFile } from "../read-text-file.js";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The settings of a checkpoint's image processor: preprocessor_config.json, or where that does not name one,
 * `image_processor` there or in processor_config.json, as newer checkpoints have it; undefined when there are none.
 *
 * @param path the checkpoint's folder
 * @throws ModelLoadError when they are no object
 */
export function readProcessorConfig(path: string): Fields | undefined {
  const [own, whole] = ["preprocessor_config.json", "processor_config.json"].map((file) =>
    readJsonFile(join(path, file)),
  );
  if (own !== undefined && !isFields(own)) {
    throw new ModelLoadError("preprocessor_config.json: expected an object of settings");
  }
  if (own?.image_processor_type !== undefined) return own;
  const inner = [own, whole].flatMap((file) => (isFields(file) ? file.image_processor : []));
  return inner.find(isFields) ?? own;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
