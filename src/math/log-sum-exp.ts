/**
 * ln(sum_i exp(x_i)), computed as m + ln(sum_i exp(x_i - m)) with m = max x so that it cannot overflow.
 * -Infinity entries add nothing; when all are -Infinity (or there are none) the result is -Infinity.
 *
 * @param values (V), nats; not modified
 */
export function logSumExp(values: ArrayLike<number>): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) if (values[i]! > max) max = values[i]!;
  if (max === Number.NEGATIVE_INFINITY) return max;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - max);
  return max + Math.log(sum);
}
