// A method on attention: the image's tokens are attended to more than the model would, and the answer tells by how much
// (the first half of PAI; Liu et al. 2024, arXiv 2407.21771, who scale scores, where this adds to them).
import {
  attentionEdit,
  imageAttentionEdit,
  imageAttentionOutput,
  load,
  type Method,
} from "groundsight";

/** weights = softmax(scores + gain at image tokens) in every layer; the weights of one layer are read */
function attentive(gain: number, layer: number): Method {
  const reading = attentionEdit([layer], { of: "images" });
  return {
    name: "attentive",
    settings: { gain, layer },
    needs: { image: true, edits: [imageAttentionEdit, reading] },
    start({ view, note }) {
      const shares: number[] = [];
      const edits = [
        { edit: imageAttentionEdit, strength: gain },
        { edit: reading, strength: 1 },
      ];
      return {
        streams: [{ view, edits }],
        scores([output]) {
          // One number for each head: its weights summed over the image.
          const heads = output!.readings![imageAttentionOutput(layer)]!;
          shares.push(heads.reduce((sum, share) => sum + share, 0) / heads.length);
          note("imageShares", [...shares]);
          return output!.logits;
        },
      };
    },
  };
}

await using model = await load("pocket");
const image = process.argv[2] ?? "photo.jpg";
for (const gain of [0, 1]) {
  const answer = await model.generate({
    image,
    prompt: "Describe the image.",
    method: attentive(gain, 3),
  });
  const [first = 0] = answer.details.imageShares as number[];
  console.log(`gain ${gain}: ${(100 * first).toFixed(0)}% on the image at first: ${answer.text}`);
}
