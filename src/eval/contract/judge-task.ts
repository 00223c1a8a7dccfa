/** What a judge is asked about one answer. */
export interface JudgeTask {
  readonly prompt: string;
  /** JSON schema that the verdict must follow; null for free text. */
  readonly schema: Readonly<Record<string, unknown>> | null;
}
