import type { CauseControls, Share } from "./cause-controls.js";
import { type CauseFigure, TOLD_CAUSES } from "./cause-counts.js";

/** What sentences are made of. */
export interface FindingsInput {
  readonly causes: readonly CauseFigure[];
  readonly controls: CauseControls;
  readonly settings: { readonly reference: string };
  readonly indexed: number | null;
}

/** What the figures of a misalignment report say. */
export function misalignmentFindings(input: FindingsInput): string[] {
  const { causes, controls, settings, indexed } = input;
  if (causes.length === 0) return [];
  const own = causes.filter(({ method }) => method === settings.reference);
  const all = own.find(({ cause }) => cause === "all");
  if (all === undefined || all.phrases === 0) {
    return [`${settings.reference}: no hallucinated phrase in ${all?.answers ?? 0} answers.`];
  }
  const parts = own
    .filter(({ cause, phrases }) => cause !== "all" && phrases > 0)
    .map(({ cause, phrases }) => `${cause} ${phrases}`);
  return [
    `${settings.reference}: ${all.phrases} hallucinated phrases in ${all.answers} answers: ${parts.join(", ")}.`,
    ...changes(causes),
    ...controlFindings(controls, indexed !== null),
  ];
}

/** Differences that are shown, and the methods that show none. */
function changes(causes: readonly CauseFigure[]): string[] {
  const compared = causes.filter(({ against }) => against !== null);
  const methods = [...new Set(compared.map(({ method }) => method))];
  return methods.map((method) => {
    const shown = compared.filter((one) => one.method === method && one.against?.shown === true);
    const told = shown.filter(({ cause }) => TOLD_CAUSES.some((one) => one === cause));
    const texts = told.map(({ cause, against }) => {
      const { difference, interval } = against!;
      const fewer = difference < 0 ? "fewer" : "more";
      return `${Math.abs(difference).toFixed(1)} ${fewer} of ${cause} in a hundred answers (${interval?.low.toFixed(1)} to ${interval?.high.toFixed(1)})`;
    });
    return texts.length === 0
      ? `${method}: no change of a cause is shown.`
      : `${method}: ${texts.join("; ")}.`;
  });
}

function controlFindings(controls: CauseControls, hasIndex: boolean): string[] {
  const { hallucinatedLanguage, trueLanguage, hallucinatedSeen, absentSeen } = controls;
  const { strongestPartner, amongThreePartners, chanceOfPartner, namedLast, usualColour } =
    controls;
  const ofObjects = [
    `The base LLM would have said ${shareText(hallucinatedLanguage)} of the hallucinated objects, and ${shareText(trueLanguage)} of those that are there: ${apart(hallucinatedLanguage, trueLanguage)}.`,
    ...(hasIndex && hallucinatedSeen !== null && absentSeen !== null
      ? [
          `Similar tuning samples name ${shareText(hallucinatedSeen)} of the hallucinated objects, and ${shareText(absentSeen)} of the absent ones that were not named: ${apart(hallucinatedSeen, absentSeen)}.`,
        ]
      : []),
    `${shareText(strongestPartner)} of the hallucinated objects are the absent one that most often occurs with what is there, ${shareText(amongThreePartners)} one of the first three; chance would give ${chanceOfPartner?.toFixed(1)}% of the first. ${shareText(namedLast)} are named last.`,
  ];
  return [
    ...(hallucinatedLanguage.n === 0 ? [] : ofObjects),
    ...(usualColour === null
      ? []
      : [`${shareText(usualColour)} of the wrong colours are their object's commonest.`]),
  ];
}

/** For example `62.5% (50.0 to 75.0; 25 of 40)`. */
export function shareText({ count, n, percent, interval }: Share): string {
  if (percent === null) return "none (there are none)";
  const ends =
    interval === null ? "" : `${interval.low.toFixed(1)} to ${interval.high.toFixed(1)}; `;
  return `${percent.toFixed(1)}% (${ends}${count} of ${n})`;
}

/** Whether two shares are apart: by their intervals, so that what is not shown is not said. */
function apart(one: Share, other: Share): string {
  if (one.interval === null || other.interval === null) return "too few to tell";
  if (one.interval.low > other.interval.high)
    return "more often, so that the cause tells something";
  if (one.interval.high < other.interval.low) return "less often, against what the cause claims";
  return "the intervals meet, so that this sign alone does not part them";
}
