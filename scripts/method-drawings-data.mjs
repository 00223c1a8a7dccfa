/** What scripts/method-drawings.mjs draws. Logits are made up, for the tokens "cup" (there), "fork" (not) and "dog". */

const CLEAR = [2, 2.2, -2];
/** What the language alone expects. */
const PRIOR = [0.4, 2.3, -1.6];

const cut = (logits, scores, beta = 0.1) => {
  const cutoff = Math.log(beta) + Math.max(...logits);
  return scores.map((score, i) => (logits[i] < cutoff ? Number.NEGATIVE_INFINITY : score));
};
const contrast =
  (alpha) =>
  ([clear, other]) =>
    cut(
      clear,
      clear.map((l, i) => (1 + alpha) * l - alpha * other[i]),
    );
const image = { sees: "image", logits: CLEAR };
const first = ([logits]) => logits;
const KEPT = "kept where p >= beta max p";

/** One entry a method: `streams` from top to bottom, `scores` of their logits. */
export const DRAWINGS = [
  {
    name: "regular",
    title: "The model's own logits.",
    streams: [image],
    formula: ["scores = l"],
    scores: first,
  },
  {
    name: "apc",
    title: "Tokens far less likely than the best one are excluded.",
    streams: [image],
    formula: [`scores = l, ${KEPT}`],
    scores: ([l]) => cut(l, l),
  },
  {
    name: "vcd",
    title: "What a noisy image says as well does not come from the image.",
    streams: [image, { sees: "noisy", told: "diffused", logits: PRIOR }],
    formula: [`scores = (1 + alpha) l - alpha l', ${KEPT}`],
    scores: contrast(1),
  },
  {
    name: "vdgd",
    title: "Tokens that a description of the image supports are preferred.",
    before:
      "beforehand: the model describes the image; of each token its best probability in it is kept",
    streams: [{ ...image, asked: "with description" }],
    formula: ["scores = l + max over the description of ln p", `${KEPT}`],
    scores: ([l]) =>
      cut(
        l,
        l.map((one, i) => one + [-0.1, -4, -6][i]),
      ),
  },
  {
    name: "described",
    title: "A description stands in the question, and nothing else is changed.",
    before: "beforehand: the model describes the image",
    streams: [{ ...image, asked: "with description", logits: [2.6, 1.7, -2] }],
    formula: ["scores = l"],
    scores: first,
  },
  {
    name: "averaging",
    title: "Image features are averaged over lightly noised copies.",
    streams: [{ sees: "copies", told: "k copies", logits: [2.2, 2, -2] }],
    formula: ["features = mean of encode(copy), scores = l"],
    scores: first,
  },
  {
    name: "vti",
    title: "Every layer's MLP output is turned along a fitted direction.",
    before: "fitted beforehand on pairs of true and hallucinated captions",
    streams: [{ ...image, marked: [0, 9], marks: "all layers", logits: [2.5, 1.8, -2] }],
    formula: ["x <- normalize(normalize(x) + 0.1 strength d) |x|, scores = l"],
    scores: first,
  },
  {
    name: "icd",
    title: "What the model says when it is told to be confused does not come from the image.",
    streams: [image, { ...image, asked: "disturbing prefix", logits: PRIOR }],
    formula: [`scores = (1 + alpha) l - alpha l', ${KEPT}`],
    scores: contrast(1),
  },
  {
    name: "vdd",
    title: "What the question alone suggests does not come from the image.",
    streams: [image, { sees: "none", told: "left out", logits: PRIOR }],
    formula: [`scores = (1 + alpha) l - alpha l', ${KEPT}`],
    scores: contrast(1),
  },
  {
    name: "m3id",
    title: "The image fades as the answer grows: the contrast with no image grows with it.",
    streams: [image, { sees: "none", told: "left out", logits: PRIOR }],
    formula: ["scores = l + (1 - g) / g (l - l'), g = exp(-lambda t) at token t"],
    scores: ([l, other]) => l.map((one, i) => one + 0.8 * (one - other[i])),
  },
  {
    name: "ritual",
    title: "What a changed picture shows too is there: both are added.",
    streams: [
      image,
      { sees: "changed", told: "flipped, turned, cropped", logits: [2.3, 1.2, -1.8] },
    ],
    formula: [`scores = l + alpha l', ${KEPT}`],
    scores: ([l, other]) =>
      cut(
        l,
        l.map((one, i) => one + other[i]),
      ),
  },
  {
    name: "flb",
    title: "The first token's logits, when the image is nearest, are added to all later ones.",
    before: "beforehand: the logits of the answer's first token are kept",
    streams: [image],
    formula: [`scores = l + gamma (1 - exp(-lambda t)) l_0, ${KEPT}`],
    scores: ([l]) =>
      cut(
        l,
        l.map((one, i) => one + 0.3 * [3, 0.5, -2][i]),
      ),
  },
  {
    name: "verify",
    title:
      "The model is asked of each object it named whether it is there; what it denies is said otherwise.",
    before:
      'beforehand: a draft of the answer; then "is there a fork in the image?" of each object in it',
    streams: [{ ...image, logits: [2, 2.2, -2] }],
    formula: [
      "doubtful where ln p(no) - ln p(yes) > threshold: dropped, rewritten, or another draft",
    ],
    scores: ([l]) => l.map((one, i) => (i === 1 ? Number.NEGATIVE_INFINITY : one)),
  },
  {
    name: "selfval",
    title: "Of several drafts the one whose objects the model would name by themselves.",
    before: 'beforehand: N drafts; of each object p(object | "describe any element of the image")',
    streams: [{ ...image, logits: [2, 2.2, -2] }],
    formula: ["score of a draft = mean over its objects of p"],
    scores: () => [2.4, 0.6, -2],
  },
  {
    name: "deco",
    title: "Earlier layers still know what is there: the surest of them corrects the last one.",
    streams: [{ ...image, marked: [6, 8], marks: "logits behind layers 20-28 of 32" }],
    formula: ["scores = l + alpha p* l_i, i the layer surest of a candidate, p* how sure"],
    scores: ([l]) =>
      cut(
        l,
        l.map((one, i) => one + 0.6 * 0.8 * [3.4, 1.2, -2][i]),
      ),
  },
  {
    name: "dola",
    title: "What the last layer adds to an earlier one is preferred.",
    streams: [{ ...image, marked: [2, 4], marks: "logits behind an early layer" }],
    formula: [`scores = ln p - ln p_i, i the layer farthest from the last, ${KEPT}`],
    scores: ([l]) =>
      cut(
        l,
        l.map((one, i) => one - [1.2, 0.9, -1][i]),
      ),
  },
  {
    name: "pai",
    title: "The token being written looks more at the image, and the language alone counts less.",
    streams: [
      {
        ...image,
        marked: [1, 9],
        marks: "attention to the image + alpha |a|",
        logits: [2.4, 2, -2],
      },
      { sees: "none", told: "left out", logits: PRIOR },
    ],
    formula: [`scores = gamma l + (1 - gamma) l', ${KEPT}`],
    scores: ([l, other]) =>
      cut(
        l,
        l.map((one, i) => 1.3 * one - 0.3 * other[i]),
      ),
  },
  {
    name: "heads",
    title: "All heads look at the image as the heads together do.",
    streams: [
      { ...image, marked: [2, 5], marks: "+ alpha mean over heads of |a|", logits: [2.5, 1.8, -2] },
    ],
    formula: ["a[image] <- a[image] + alpha mean over heads |a[image]|, scores = l"],
    scores: first,
  },
  {
    name: "vaf",
    title: "In the middle layers the image is looked at more, the template less.",
    streams: [
      { ...image, marked: [3, 6], marks: "image x 1.15, system x 0.95", logits: [2.4, 1.9, -2] },
    ],
    formula: ["a[image] <- 1.15 a[image], a[system] <- 0.95 a[system], scores = l"],
    scores: first,
  },
  {
    name: "vista",
    title: "Layers are pushed towards what the image changed in them, and late layers vote.",
    before: "beforehand: the prompt with and without the image; v is their difference, by layer",
    streams: [
      { ...image, marked: [0, 9], marks: "+ lambda v; late layers read", logits: [2.5, 1.8, -2] },
    ],
    formula: ["scores = 0.7 l + 0.3 mean of logits behind late layers"],
    scores: ([l]) => l.map((one, i) => 0.7 * one + 0.3 * [2.8, 1.5, -2][i]),
  },
  {
    name: "nullu",
    title: "What hallucinated captions have in common is projected out of the layers.",
    before:
      "fitted beforehand on pairs of true and hallucinated captions: V, the k directions they differ in most",
    streams: [{ ...image, marked: [5, 9], marks: "x <- (I - V V') x", logits: [2.4, 1.8, -2] }],
    formula: ["x <- x - strength V V' x, scores = l"],
    scores: first,
  },
];
