/** What a judge is asked about one answer. */
export interface JudgeTask {
  readonly prompt: string;
  /**
   * JSON schema that the verdict must follow; null for free text. A verdict that does not follow it is asked for again.
   * Of a schema with keywords that zod's `fromJSONSchema` does not read, only that the verdict is JSON is checked.
   */
  readonly schema: Readonly<Record<string, unknown>> | null;
  /** Whether a verdict is in the form that the prompt asks for, where no schema says it. By default all are. */
  readonly accepts?: (verdict: string) => boolean;
}
