// A method of one's own: contrast the image with no image at all, so that what the text alone suggests counts less.
import { contrast, load, type Method, withoutImages } from "groundsight";

/** scores = (1 + alpha) l(image) - alpha l(text only), kept where plausible with the image */
function imageFree(alpha: number): Method {
  return {
    name: "image-free",
    settings: { alpha },
    needs: { image: true },
    start: ({ view }) => ({
      streams: [{ view }, { view: withoutImages(view) }],
      // Where the image makes a token implausible, no contrast may bring it back.
      scores: ([seen, blind]) => contrast(seen!.logits, blind!.logits, alpha, 0.1),
    }),
  };
}

await using model = await load("pocket");
const image = process.argv[2] ?? "photo.jpg";
const { text } = await model.generate({
  image,
  prompt: "Is there a fork in the image?",
  method: imageFree(0.5),
});
console.log(text);
