// A method of one's own: contrast the image with no image at all, so that what the text alone suggests counts less.
import { load, type Method } from "groundsight";

/** scores = (1 + alpha) l(image) - alpha l(text only) */
function imageFree(alpha: number): Method {
  return {
    name: "image-free",
    settings: { alpha },
    needs: ["image"],
    start: ({ prompt, image }) => ({
      streams: [
        { prompt, image },
        { prompt, image: undefined },
      ],
      scores: ([seen, blind]) =>
        seen!.map((logit, token) => (1 + alpha) * logit - alpha * blind![token]!),
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
