/** Words, and endings of words, that have no other singular form. */
const UNCHANGED: readonly string[] = [
  ..."bison bream breeches britches carp chassis christmas clippers cod contretemps corps".split(
    " ",
  ),
  ..."debris diabetes djinn eland elk flounder gallows georgia graffiti headquarters herpes".split(
    " ",
  ),
  ..."high-jinks homework innings jackanapes mackerel measles mews mumps news pincers".split(" "),
  ..."pliers proceedings rabies salmon scissors series shears species swine swiss trout".split(" "),
  ..."tuna whiting wildebeest advice bread butter cheese electricity equipment fruit".split(" "),
  ..."furniture garbage gravel happiness information ketchup knowledge love luggage".split(" "),
  ..."mathematics mayonnaise meat mustard progress research rice sand software".split(" "),
  ..."understanding water".split(" "),
];

/** The library returns these plurals as they are; it means "collie" and "doggie". */
const LEFT_PLURAL: readonly string[] = ["collies", "doggies"];

/** Endings with irregular singular forms, as far as they lead to words of CHAIR. */
const IRREGULAR: readonly (readonly [string, string])[] = [
  ["children", "child"],
  ["geese", "goose"],
  ["kine", "cow"],
  ["men", "man"],
  ["oxen", "ox"],
  ["people", "person"],
];

/** The first ending that fits is replaced. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/(.)ae$/, "$1a"],
  [/itis$/, "itis"],
  [/(.)eaux$/, "$1eau"],
  [/(quiz)zes$/, "$1"],
  [/(matr)ices$/, "$1ix"],
  [/(ap|vert|ind)ices$/, "$1ex"],
  [/^(ox)en/, "$1"],
  [/(alias|status)es$/, "$1"],
  [/([octop|vir])i$/, "$1us"],
  [/(cris|ax|test)es$/, "$1is"],
  [/(shoe)s$/, "$1"],
  [/(o)es$/, "$1"],
  [/(bus)es$/, "$1"],
  [/([m|l])ice$/, "$1ouse"],
  [/(x|ch|ss|sh)es$/, "$1"],
  [/(m)ovies$/, "$1ovie"],
  [/(.)ombies$/, "$1ombie"],
  [/(s)eries$/, "$1eries"],
  [/([^aeiouy]|qu)ies$/, "$1y"],
  [/([aeo]l)ves$/, "$1f"],
  [/([^d]ea)ves$/, "$1f"],
  [/arves$/, "arf"],
  [/erves$/, "erve"],
  [/([nlw]i)ves$/, "$1fe"],
  [/([lr])ves$/, "$1f"],
  [/([aeo])ves$/, "$1ve"],
  [/(sive|tive|hive)s$/, "$1"],
  [/([^f])ves$/, "$1fe"],
  [/(^analy)ses$/, "$1sis"],
  [/((?:a)naly|(?:b)a|(?:d)iagno|(?:p)arenthe|(?:p)rogno|(?:s)ynop|(?:t)he)ses$/, "$1sis"],
  [/(.)opses$/, "$1opsis"],
  [/(.)yses$/, "$1ysis"],
  [/(h|d|r|o|n|b|cl|p)oses$/, "$1ose"],
  [/(.)oses$/, "$1osis"],
  [/([ti])a$/, "$1um"],
  [/(n)ews$/, "$1ews"],
  [/s$/, ""],
];

/**
 * The singular form of a word in lower case by the rules of Python's `pattern`, mistakes included: "bus"
 * becomes "bu", "ties" becomes "ty". Irregular forms that lead to no word of CHAIR are left out.
 *
 * @see https://github.com/clips/pattern pattern/text/en/inflect.py, singularize (BSD), adapted there from
 *   Bermi Ferrer's Inflector (MIT)
 */
export function patternSingular(word: string): string {
  if (word.endsWith("'")) return `${patternSingular(word.slice(0, -1))}'s`;
  if (UNCHANGED.some((other) => other.endsWith(word))) return word;
  if (LEFT_PLURAL.some((plural) => word.endsWith(plural))) return word;
  const irregular = IRREGULAR.find(([plural]) => word.endsWith(plural));
  if (irregular !== undefined) return word.slice(0, -irregular[0].length) + irregular[1];
  const rule = RULES.find(([ending]) => ending.test(word));
  return rule === undefined ? word : word.replace(rule[0], rule[1]);
}
