// A method that needs an edit of the graph: logits are also read behind an early layer, and what the model believed
// there already counts less (DoLa with one early layer; Chuang et al. 2024, arXiv 2309.03883).
import { applyPlausibility, earlyExitEdit, earlyExitOutput, load, type Method } from "groundsight";

/** scores = ln p(last layer) - ln p(layer), up to a constant; kept where the last layer finds a token plausible */
function layerContrast(layer: number): Method {
  const edit = earlyExitEdit([layer]);
  return {
    name: "layer-contrast",
    settings: { layer },
    // Refused by name where graphs cannot be patched; the stock graph serves whoever does not ask for the edit.
    needs: { edits: [edit] },
    start: ({ view }) => ({
      streams: [{ view, edits: [{ edit, strength: 1 }] }],
      scores([output]) {
        const { logits, readings } = output!;
        const early = readings![earlyExitOutput(layer)]!;
        const scores = logits.map((logit, k) => logit - early[k]!);
        applyPlausibility(logits, 0.1, scores);
        return scores;
      },
    }),
  };
}

await using model = await load("pocket");
const image = process.argv[2] ?? "photo.jpg";
const { text } = await model.generate({
  image,
  prompt: "Describe the image.",
  method: layerContrast(3),
});
console.log(text);
