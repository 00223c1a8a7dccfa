import { attentionWindow, settingFates } from "../../families/config-settings.js";
import type { DecoderTraits } from "../../onnx/decoder-traits.js";
import type { CheckpointFolder } from "../checkpoint-folder.js";
import { type Finding, fault, passed, skipped } from "./examination.js";

const NO_TRAITS: DecoderTraits = { windows: [], capsLogits: false, capsAttention: false };

/** Looks whether anyone sees to each setting that changes numbers, and tells those that nobody here follows. */
export function examineSettings(
  { config, generation }: Pick<CheckpointFolder, "config" | "generation">,
  traits: DecoderTraits | undefined,
): Finding<true> {
  const fates = settingFates(config, traits ?? NO_TRAITS, generation);
  if (traits === undefined) return skipped("it needs decoder_model_merged, which did not pass");
  const told = (fate: string) =>
    fates
      .filter((one) => one.fate === fate)
      .map(({ name, value }) => `${name} = ${JSON.stringify(value)}`)
      .join(", ");
  const [missing, unknown] = [told("missing"), told("unknown")];
  if (missing !== "") {
    return fault(
      `the decoder shows no sign of ${missing}: its logits are others than those of the model in Python`,
      "export the checkpoint again, by an exporter that knows this setting",
    );
  }
  if (unknown !== "") {
    return fault(
      `not known here: ${unknown}; by its name it may change numbers`,
      "if the export follows it, nothing is wrong (compare answers with the model in Python); please report the setting",
    );
  }
  const window = attentionWindow(config);
  const kept = fates.some(({ fate }) => fate === "engine");
  const windows =
    window === undefined
      ? ""
      : kept
        ? `; a window of ${window} tokens, which the graph's operators do not have in every layer that should, bounds the context`
        : `; a window of ${window} tokens in ${traits.windows.filter((one) => one !== null).length} of ${traits.windows.length} layers' operators`;
  const [leftOut, asked, unlisted] = [told("left-out"), told("request"), told("unlisted")];
  const others = [
    ...(leftOut === ""
      ? []
      : [`; left out by the export, so that answers are not quite the original's: ${leftOut}`]),
    ...(asked === "" ? [] : [`; not followed, as it is said by who asks: ${asked}`]),
    ...(unlisted === "" ? [] : [`; not known here, and by their names of no effect: ${unlisted}`]),
  ];
  const own = fates.filter(({ fate }) => fate === "graph" || fate === "engine");
  return passed(
    `${own.length} settings that change numbers are the graphs' own${windows}${others.join("")}`,
  );
}
