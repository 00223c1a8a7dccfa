/**
 * Where tokens stand in the answer, from the pieces of text that they complete: joined they are the answer with white
 * space at its ends, which belongs to no token. Those that begin a character that a later one completes stand, empty, in
 * front of it.
 */
export function placesOf(pieces: readonly string[]): { start: number; end: number }[] {
  const whole = pieces.join("");
  const length = whole.trim().length;
  const lead = whole.length - whole.trimStart().length;
  const within = (offset: number) => Math.min(Math.max(offset - lead, 0), length);
  let read = 0;
  return pieces.map((piece) => {
    const start = within(read);
    read += piece.length;
    return { start, end: within(read) };
  });
}
