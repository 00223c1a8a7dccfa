const NUMBERS = "zero one two three four five six seven eight nine ten".split(" ");
const ARTICLES = new Set(["a", "an", "the"]);

/**
 * A short answer as VQA's evaluator compares it: lower case, white space and punctuation put in order, number words up
 * to ten (and "none") as digits, no articles. A mark goes without trace where it has a blank beside it, or where
 * the answer holds a number with thousands (1,000); elsewhere it becomes a blank. Full stops stay in numbers only.
 *
 * One departure: apostrophes are left out of what is compared, in the place of the evaluator's list of contractions.
 *
 * @see Antol et al. 2015, arXiv 1505.00468; GT-Vision-Lab/VQA vqaEval.py
 */
export function vqaNormalForm(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const hasThousands = /\d,\d/.test(line);
  const marks = new Set(line.match(/[;/[\]"{}()=+\\_\-><@`,?!]/g) ?? []);
  let plain = line;
  for (const mark of marks) {
    const goes = hasThousands || line.includes(`${mark} `) || line.includes(` ${mark}`);
    plain = plain.replaceAll(mark, goes ? "" : " ");
  }
  return plain
    .replace(/\.(?!\d)/g, "")
    .replace(/['’]/g, "")
    .toLowerCase()
    .split(" ")
    .filter((word) => word !== "" && !ARTICLES.has(word))
    .map((word) => {
      const number = word === "none" ? 0 : NUMBERS.indexOf(word);
      return number < 0 ? word : String(number);
    })
    .join(" ");
}
