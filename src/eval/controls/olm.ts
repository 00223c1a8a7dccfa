/**
 * Yes where yes and no together have more than 0.2 of the first token's probability and lie less than 0.5 apart; else
 * the answer as it is. The rule of the authors' control for methods that shift answers to yes.
 *
 *     p_yes + p_no > 0.2  and  |p_yes - p_no| < 0.5
 *
 * @param margin ln p_yes - ln p_no, so that |p_yes - p_no| = mass |tanh(margin / 2)|
 * @param mass p_yes + p_no
 * @see Yin et al. 2025, arXiv 2504.10020, "output layer modification"
 */
export function olmAnswer(answer: string, margin: number, mass: number): string {
  return mass > 0.2 && mass * Math.abs(Math.tanh(margin / 2)) < 0.5 ? "Yes" : answer;
}
