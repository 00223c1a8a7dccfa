/** Another way to put a question. */
export interface Wording {
  readonly name: string;
  /**
   * `reworded` and `converse` ask the same, so that the answer stays; `negated` asks the contrary, so that yes becomes no.
   */
  readonly kind: "reworded" | "converse" | "negated";
  /** Null where the question has another form. */
  readonly put: (question: string) => string | null;
}

const EXISTENCE = /^Is there (?<thing>an? .+) in the (?:image|picture|photo)\?(?<rest>.*)$/is;
const COLOUR = /^What (?<word>colou?r) (?<verb>is|are) (?<thing>the .+?)\?(?<rest>.*)$/is;
const RELATION =
  /^(?<verb>Is|Are) (?<first>the .+?) (?<relation>above|below|to the left of|to the right of|next to|in front of|behind) (?<second>the .+?)\?(?<rest>.*)$/is;

const CONVERSE: Readonly<Record<string, string>> = {
  above: "below",
  below: "above",
  "to the left of": "to the right of",
  "to the right of": "to the left of",
  "in front of": "behind",
  behind: "in front of",
  "next to": "next to",
};

/** Questions about what there is, colours and places, in other words. */
export const WORDINGS: readonly Wording[] = [
  reworded(
    "Does the image contain ...?",
    EXISTENCE,
    ({ thing }) => `Does the image contain ${thing}?`,
  ),
  reworded("Can you see ...?", EXISTENCE, ({ thing }) => `Can you see ${thing}?`),
  reworded(
    "Would you say that this photo shows ...?",
    EXISTENCE,
    ({ thing }) => `Would you say that this photo shows ${thing}?`,
  ),
  reworded(
    "Tell me the colour of ...",
    COLOUR,
    ({ word, thing }) => `Tell me the ${word} of ${thing}.`,
  ),
  reworded(
    "Which colour do you see on ...?",
    COLOUR,
    ({ word, thing }) => `Which ${word} do you see on ${thing}?`,
  ),
  {
    name: "converse",
    kind: "converse",
    put: putBy(
      RELATION,
      ({ verb, first, relation, second }) =>
        `${verb} ${second} ${CONVERSE[relation!.toLowerCase()]} ${first}?`,
    ),
  },
  {
    name: "Is there no ...?",
    kind: "negated",
    put: putBy(
      EXISTENCE,
      ({ thing }) => `Is there no ${thing!.replace(/^an? /i, "")} in the image?`,
    ),
  },
  {
    name: "Is the image without ...?",
    kind: "negated",
    put: putBy(EXISTENCE, ({ thing }) => `Is the image without ${thing}?`),
  },
];

type Parts = Readonly<Record<string, string | undefined>>;

function reworded(name: string, form: RegExp, words: (parts: Parts) => string): Wording {
  return { name, kind: "reworded", put: putBy(form, words) };
}

/** What stands behind the question mark (a request for one word) stays. */
function putBy(form: RegExp, words: (parts: Parts) => string): Wording["put"] {
  return (question) => {
    const parts = form.exec(question)?.groups;
    return parts === undefined ? null : words(parts) + (parts.rest ?? "");
  };
}

/** Requests for a caption. */
export const CAPTION_WORDINGS: readonly string[] = [
  "What is in this picture?",
  "Tell me everything that this photo shows.",
];
