import { GroundsightError } from "../../errors.js";
import type { GraphDtypes } from "../checkpoint-folder.js";
import { type Transformers, transformersPackage } from "../images/transformers-processor.js";
import { type CheckName, type Examination, type Finding, skipped } from "./examination.js";
import type { FileFindings } from "./examine-files.js";
import type { ModelFindings } from "./examine-model.js";
import { compareAnswer, compareImage, comparePrompt } from "./stock.js";
import { type StockInputs, stockInputs } from "./stock-inputs.js";

/** Compares image, prompt and greedy answer with those of stock transformers.js, which reads the same files. */
export async function examineStock(
  examination: Examination,
  isWanted: boolean,
  files: FileFindings,
  found: ModelFindings,
  { dtypes, threads }: { readonly dtypes: GraphDtypes; readonly threads: number | undefined },
): Promise<void> {
  const { path, family, image, pixels } = files;
  let transformers: Transformers | undefined;
  let stock: StockInputs | undefined;
  let reason = "";
  if (!isWanted) reason = "it was not asked for";
  else if (files.adapter !== undefined) reason = "transformers.js merges no adapter";
  else if (path !== undefined && family !== undefined && image !== undefined) {
    try {
      transformers = await transformersPackage("the comparison with stock transformers.js");
      stock = await stockInputs(transformers, path, family, pixels);
    } catch (error) {
      // What keeps transformers.js from it need not be wrong with the checkpoint.
      const { message } = error as Error;
      reason = GroundsightError.isInstance(error) ? message : `transformers.js fails: ${message}`;
    }
  }
  const compare = (
    name: CheckName,
    after: readonly CheckName[],
    run: () => Promise<Finding<true>> | Finding<true>,
  ) =>
    examination.check(name, { after, remedy: "" }, async () => {
      if (reason !== "") return skipped(reason);
      try {
        return await run();
      } catch (error) {
        return skipped(`transformers.js fails: ${(error as Error).message}`);
      }
    });
  await compare("stock-image", ["image"], () => compareImage(stock!, image!));
  await compare("stock-prompt", ["image", "prompt"], () => comparePrompt(stock!, found.prompt!));
  await compare("stock-tokens", ["image", "prompt", "numbers"], () => {
    const weightBytes = found.cost!.weightBytes;
    return compareAnswer(transformers!, stock!, found.answer!, {
      folder: path!,
      dtypes,
      threads,
      weightBytes,
      image: image!,
      prompt: found.prompt!,
      standIns: family!.standIns,
    });
  });
}
