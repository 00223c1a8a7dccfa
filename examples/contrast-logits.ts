// The arithmetic of contrastive decoding on logits of your own, in a page or in Node: no model and no file.
import { contrast, softmax } from "groundsight/core";

const words = ["banana", "yellow", "blue"];
const clear = Float32Array.of(0, 2, 1); // with the image
const distorted = Float32Array.of(0, 2, -1); // with the image under noise: what the language alone suggests
const chances = softmax(contrast(clear, distorted, 1, 0.1)); // alpha 1, beta 0.1
words.forEach((word, i) => {
  console.log(word, chances[i]?.toFixed(2));
});
