import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ChatResult } from "../chat/chat-job.js";
import type { Admission } from "./admission.js";
import type { Inference } from "./inference.js";

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const TOKEN_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** What a server tells Prometheus. Labels are bounded: names of routes, served models and registered methods. */
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<"route" | "status">;
  readonly #aborts: Counter;
  readonly #promptTokens: Counter<"model" | "method">;
  readonly #generatedTokens: Counter<"model" | "method">;
  readonly #firstToken: Histogram<"model" | "method">;
  readonly #token: Histogram<"model" | "method">;
  readonly #answer: Histogram<"model" | "method">;

  constructor(admission: Admission, inference: Inference) {
    const registers = [this.#registry];
    const labelNames = ["model", "method"] as const;
    const counter = (name: string, help: string) =>
      new Counter({ name: `groundsight_${name}`, help, labelNames, registers });
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `groundsight_${name}`, help, labelNames, buckets, registers });
    this.#requests = new Counter({
      name: "groundsight_requests_total",
      help: "Requests that were answered, by route and status",
      labelNames: ["route", "status"],
      registers,
    });
    this.#aborts = new Counter({
      name: "groundsight_aborts_total",
      help: "Chats whose client went away before the end",
      registers,
    });
    this.#promptTokens = counter("prompt_tokens_total", "Tokens of prompts, images included");
    this.#generatedTokens = counter("generated_tokens_total", "Tokens of answers");
    this.#firstToken = histogram(
      "first_token_seconds",
      "From a request's arrival to the first token of an answer",
      SECONDS,
    );
    this.#token = histogram("token_seconds", "Mean time between an answer's tokens", TOKEN_SECONDS);
    this.#answer = histogram("answer_seconds", "From a request's arrival to its end", SECONDS);
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name: `groundsight_${name}`,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    gauge("running_answers", "Answers that are decoded", () => admission.running);
    gauge("queued_requests", "Requests that wait for their turn", () => admission.queued);
    gauge("ready", "1 where requests are answered", () => Number(inference.isReady));
    new Counter({
      name: "groundsight_restarts_total",
      help: "How often the models were loaded again after their process had ended",
      registers,
      collect() {
        this.reset();
        this.inc(inference.restarts ?? 0);
      },
    });
  }

  /** Of every request, once. */
  request(route: string, status: number): void {
    this.#requests.inc({ route, status: String(status) });
  }

  /** Of a chat whose client went away. */
  abort(): void {
    this.#aborts.inc();
  }

  /**
   * Of a chat that was answered.
   *
   * @param firstMs from its arrival to its first token; undefined where there was none
   */
  chat(model: string, { choices }: ChatResult, firstMs: number | undefined, totalMs: number): void {
    const labels = { model, method: choices[0]!.answer.method.name };
    this.#promptTokens.inc(labels, choices[0]!.answer.usage.promptTokens);
    for (const { answer } of choices) {
      this.#generatedTokens.inc(labels, answer.usage.generatedTokens);
      const { msPerToken } = answer.timings;
      if (msPerToken !== null) this.#token.observe(labels, msPerToken / 1000);
    }
    if (firstMs !== undefined) this.#firstToken.observe(labels, firstMs / 1000);
    this.#answer.observe(labels, totalMs / 1000);
  }

  /** In Prometheus' text format. */
  async response(): Promise<Response> {
    return new Response(await this.#registry.metrics(), {
      headers: { "content-type": this.#registry.contentType },
    });
  }
}
