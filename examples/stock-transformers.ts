// A method on a model that stock transformers.js loaded: rows of the batch are the method's streams.
// stock-transformers checkpoints/llava photo.jpg, a folder laid out for transformers.js.
import { basename, dirname } from "node:path";
import {
  AutoModelForImageTextToText,
  AutoProcessor,
  env,
  RawImage,
  type Tensor,
} from "@huggingface/transformers";
import { vcd } from "groundsight/core";
import { withMethod } from "groundsight/transformers";

const [folder = "checkpoints/llava", photo = "photo.jpg"] = process.argv.slice(2);
env.localModelPath = dirname(folder);
const processor = await AutoProcessor.from_pretrained(basename(folder));
const model = await AutoModelForImageTextToText.from_pretrained(basename(folder), {
  dtype: "fp32",
});

const image = (await RawImage.read(photo)).rgb();
const question = "Is there a fork in the image?";
const content = [{ type: "image" }, { type: "text", text: question }];
const turns = [{ role: "user", content }];
const prompt = processor.apply_chat_template(turns, { add_generation_prompt: true });
const inputs: { input_ids: Tensor } = await processor(image, prompt);

const options = await withMethod(
  model,
  { ...inputs, max_new_tokens: 32 },
  { method: vcd({ alpha: 1 }), images: [image], prompt: question, temperature: 0 },
);
const rows = (await model.generate(options)) as Tensor; // every row is the answer
const answer = rows.slice([0, 1], [inputs.input_ids.dims[1] ?? 0, rows.dims[1] ?? 0]);
console.log(processor.batch_decode(answer, { skip_special_tokens: true })[0]);
await model.dispose();
