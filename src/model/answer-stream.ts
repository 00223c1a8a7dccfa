import type { Answer, AnswerStream, StreamPiece } from "../engine/answer.js";
import { PieceQueue } from "../engine/piece-queue.js";

/**
 * An answer as a stream of its pieces. It never throws: what is wrong rejects the answer and the iteration.
 *
 * @param signal of the request, checked or not
 * @param answer begins the answer; its signal also fires when the iteration is left early
 */
export function answerStream(
  signal: AbortSignal | undefined,
  answer: (signal: AbortSignal, onPiece: (piece: StreamPiece) => void) => Promise<Answer>,
): AnswerStream {
  const queue = new PieceQueue<StreamPiece>();
  const left = new AbortController();
  // What is no signal is left for the model to refuse, with the rest of the request.
  const either =
    signal instanceof AbortSignal ? AbortSignal.any([signal, left.signal]) : left.signal;
  const whole = answer(either, (piece) => queue.push(piece));
  whole.then(
    () => queue.end(),
    (error) => queue.fail(error),
  );
  return { answer: whole, [Symbol.asyncIterator]: () => queue.iterate(() => left.abort()) };
}
