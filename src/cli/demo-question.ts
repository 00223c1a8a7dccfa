/** A question of the demonstration, with its truth. */
export interface DemoQuestion {
  readonly image: string;
  readonly file: string;
  readonly question: string;
  readonly truth: string;
  readonly rubric?: readonly string[] | undefined;
  readonly forbidden?: readonly string[] | undefined;
  /** In how many of the demonstration's noise draws every method is right or wrong as it is shown. */
  readonly holds?: number | undefined;
}

/** Draws of noise that an example is tried under, seeds 0 to 29, and in how many of them one that is shown must hold. */
export const NOISE_DRAWS = 30;
export const ROBUST_DRAWS = 24;

/** Whether an answer says the truth: yes or no, or the right words. */
export function isRight(
  { truth, rubric, forbidden }: Pick<DemoQuestion, "truth" | "rubric" | "forbidden">,
  answer: string,
): boolean {
  const words = (text: string) => (text.toLowerCase().match(/[a-z]+/g) ?? []).join(" ");
  const said = ` ${words(answer)} `;
  const has = (phrase: string) => said.includes(` ${words(phrase)} `);
  if (rubric !== undefined) return rubric.every(has) && !(forbidden ?? []).some(has);
  if (truth === "yes" || truth === "no") return (has("yes") ? "yes" : "no") === truth;
  return has(truth);
}

/** A question that could be shown, and what each method made of it. */
export interface DemoCandidate {
  readonly file: string;
  /** By method: whether it is right under seed 0, as the demonstration shows it. */
  readonly right: Readonly<Record<string, boolean>>;
}

/**
 * Chooses what is shown, in the order of the candidates: of each file the first that `regular` gets wrong and `vcd`
 * right, and the first other one that `vdgd` gets right; at the end the first of all that `vcd` spoils, or else `vdgd`. One
 * that holds in too few noise draws is passed over.
 *
 * @param holds in how many of {@link NOISE_DRAWS} draws a candidate is as under seed 0
 */
export async function chooseExamples<T extends DemoCandidate>(
  candidates: readonly T[],
  holds: (candidate: T) => Promise<number>,
): Promise<(T & { holds: number })[]> {
  const isMended =
    (file: string, method: string) =>
    ({ file: own, right }: T): boolean =>
      own === file && right.regular === false && right[method] === true;
  const files = [...new Set(candidates.map(({ file }) => file))];
  const isSpoilt =
    (method: string) =>
    ({ right }: T): boolean =>
      right.regular === true && right[method] === false;
  const known = new Map<T, number>();
  const chosen: T[] = [];
  const choose = async (isWanted: (candidate: T) => boolean): Promise<boolean> => {
    for (const candidate of candidates) {
      if (chosen.includes(candidate) || !isWanted(candidate)) continue;
      const count = known.get(candidate) ?? (await holds(candidate));
      known.set(candidate, count);
      if (count < ROBUST_DRAWS) continue;
      chosen.push(candidate);
      return true;
    }
    return false;
  };
  for (const file of files) {
    for (const method of ["vcd", "vdgd"]) await choose(isMended(file, method));
  }
  if (!(await choose(isSpoilt("vcd")))) await choose(isSpoilt("vdgd"));
  return chosen.map((candidate) => ({ ...candidate, holds: known.get(candidate)! }));
}
