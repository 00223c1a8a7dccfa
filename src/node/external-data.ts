import { z } from "zod";
import { ModelLoadError } from "../errors.js";

/** Whether weights lie beside a graph, or in how many files. */
const CHUNKS = z.union([z.boolean(), z.number().int().nonnegative().max(100)]);
const CONFIG = z.looseObject({
  "transformers.js_config": z
    .looseObject({
      use_external_data_format: z.union([CHUNKS, z.record(z.string(), CHUNKS)]).nullish(),
    })
    .nullish(),
});

/**
 * Names of the files beside a graph that hold its weights, as config.json promises them for transformers.js: none, one
 * (`<graph>_data`), or so many (`<graph>_data_1` and on); for all graphs, or by a graph's file or name.
 *
 * @param config the content of config.json
 * @param name the graph's name, for example "decoder_model_merged"
 * @param file its file, for example "decoder_model_merged_q4.onnx"
 * @throws ModelLoadError when the promise is none of these
 */
export function promisedWeights(config: unknown, name: string, file: string): string[] {
  const { success, data, error } = CONFIG.safeParse(config);
  if (!success) {
    const { path, message } = error.issues[0]!;
    throw new ModelLoadError(
      `config.json: ${path.join(".")}: ${message}; expected true, false, a number of files, or one of these by file`,
      { cause: error },
    );
  }
  const format = data["transformers.js_config"]?.use_external_data_format ?? false;
  const count = Number(
    typeof format === "object" ? (format[file] ?? format[name] ?? false) : format,
  );
  return Array.from({ length: count }, (_, i) => `${file}_data${i === 0 ? "" : `_${i}`}`);
}
