// The pages of one list of events, asked one after another from one point in time: no event is skipped or comes twice while others
// arrive. Knows no browser: what it asks is handed to it.
import type { Answer, Hit, Json } from "../api";
import { messageOf } from "../load";

/** Where pages come from. */
export type Source = {
  open: (signal: AbortSignal) => Promise<string>;
  page: (pit: string, after: Json[] | undefined, signal: AbortSignal) => Promise<Answer>;
  close: (pit: string) => void;
};

/** `idle`: there is more, and nobody asks; `gone`: the server let go of the point in time, only a new list helps. */
type Phase = "asking" | "idle" | "end" | "failed" | "cancelled" | "gone";

export class Paging {
  hits: Hit[] = [];
  total: { value: number; relation: "eq" | "gte" } | undefined;
  /** Shards that did not answer, with the first one's reason. */
  failures = "";
  phase: Phase = "idle";
  message = "";
  private pit = "";
  private after: Json[] | undefined;
  private abort = new AbortController();
  private isClosed = false;

  constructor(
    private readonly source: Source,
    private readonly changed: (it: Paging) => void,
  ) {}

  /** Asks for the next page, or again for the one that failed or was cancelled. */
  async more(): Promise<void> {
    if (this.isClosed || this.phase === "asking" || this.phase === "end" || this.phase === "gone") return;
    const abort = new AbortController();
    this.abort = abort;
    this.set("asking");
    try {
      if (!this.pit) this.pit = await this.source.open(abort.signal);
      if (this.isClosed) return this.source.close(this.pit);
      const answer = await this.source.page(this.pit, this.after, abort.signal);
      if (abort.signal.aborted) return;
      const { hits, total } = answer.hits;
      this.hits = this.hits.concat(hits);
      this.total ??= total;
      this.failures ||= answer._shards.failures?.map((it) => `${it.index}: ${it.reason.reason}`)[0] ?? "";
      this.after = hits[hits.length - 1]?.sort ?? this.after;
      this.set(hits.length === 0 || (this.total?.relation === "eq" && this.hits.length >= this.total.value) ? "end" : "idle");
    } catch (error) {
      if (this.isClosed || abort.signal.aborted) return;
      const isGone = this.pit !== "" && (error as { kind?: string }).kind === "search_context_missing_exception";
      this.set(isGone ? "gone" : "failed", messageOf(error));
    }
  }

  cancel(): void {
    if (this.phase !== "asking") return;
    this.abort.abort();
    this.set("cancelled");
  }

  /** Ends whatever is under way and lets go of the point in time. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.abort.abort();
    if (this.pit) this.source.close(this.pit);
  }

  private set(phase: Phase, message = ""): void {
    this.phase = phase;
    this.message = message;
    this.changed(this);
  }
}
