import {
  type PageQuestion,
  type PageSeries,
  type PageSet,
  partName,
} from "../src/eval/report/page-data.js";
import { load } from "./load.js";
import type { Show } from "./state.js";

/** A question by its place in its set. */
export async function questionAt(
  set: PageSet,
  number: number,
  index: number,
): Promise<PageQuestion> {
  const part = await load<PageQuestion[]>(partName(number, Math.floor(index / set.partSize)));
  const question = part[index % set.partSize];
  if (question === undefined) throw new Error(`${set.name} has no question ${index + 1}`);
  return question;
}

/** Places of the questions that two series answered as is asked for. */
export function chosen(set: PageSet, left: PageSeries, right: PageSeries, show: Show): number[] {
  const found: number[] = [];
  for (let index = 0; index < set.questions; index++) {
    if (isShown(left, right, index, show)) found.push(index);
  }
  return found;
}

function isShown(left: PageSeries, right: PageSeries, index: number, show: Show): boolean {
  if (show === "all") return true;
  if (show === "differ") return left.variants[index] !== right.variants[index];
  const [before, after] = [left.outcomes[index] === "r", right.outcomes[index] === "r"];
  return show === "gained" ? !before && after : before && !after;
}

/**
 * Those of some places whose question, truth or answers hold a text, in any case. Part by part, so that the page can be
 * used meanwhile.
 *
 * @param onFound told of all that were found so far, and of the share that was looked at
 */
export async function search(
  set: PageSet,
  number: number,
  places: readonly number[],
  text: string,
  isWanted: () => boolean,
  onFound: (found: readonly number[], share: number) => void,
): Promise<void> {
  const wanted = text.toLowerCase();
  const found: number[] = [];
  let part = -1;
  for (const [k, index] of places.entries()) {
    const question = await questionAt(set, number, index);
    if (!isWanted()) return;
    const { id, prompt, truth, image, answers } = question;
    const texts = [id, prompt, truth, image ?? "", ...answers.map((one) => one.text)];
    if (texts.some((one) => one.toLowerCase().includes(wanted))) found.push(index);
    if (Math.floor(index / set.partSize) === part) continue;
    part = Math.floor(index / set.partSize);
    onFound([...found], k / places.length);
  }
  onFound(found, 1);
}
