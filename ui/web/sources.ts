// Who sends, and what is missing: the loss ledger as the server tells it (`docs/sources.md`), and what of it calls for a look.
import { ask } from "./api";

export type Source = {
  name: string;
  kind: "serial" | "host" | "address" | "unknown" | "others";
  hostname: string | null;
  address: string | null;
  first_seen: string;
  last_seen: string;
  lines: number;
  bytes: number;
  lines_per_second: number;
  releases: string[];
  clock_skew_ms: number | null;
  unparsed: Record<string, number>;
  truncated: number;
  with_errors: number;
  missing: number;
};
export type Gap = { from: string; to: string; missing: number; since: string; seen: string };
export type Sequence = { newest: string; missing: number; duplicates: number; begun: number; gaps: Gap[] };
export type SourceDetail = Source & { streams: Record<string, { lines: number; bytes: number; last_seen: string }>; sequences: Record<string, Sequence> };
export type Ledger = {
  sources: Source[];
  since_start: { udp: { address: string; receive_buffer_bytes: number | null; dropped: number }[]; unparsed: Record<string, number>; lines_lost: number; connections_refused: number; connections_reset: number };
};

/** Nothing for this long is worth a look: even a quiet firewall writes SYSTEM lines. */
const SILENT_MS = 600_000;
/** Skew that NTP would not leave. */
const SKEW_MS = 60_000;

export type Problem = "missing" | "silent" | "skewed" | "unparsed" | "truncated";
export const count = (of: Record<string, number>) => Object.values(of).reduce((sum, it) => sum + it, 0);

export function problems(of: Source, now: number): Problem[] {
  const found: Problem[] = [];
  if (of.missing > 0) found.push("missing");
  if (now - Date.parse(of.last_seen) > SILENT_MS) found.push("silent");
  if (of.clock_skew_ms !== null && Math.abs(of.clock_skew_ms) > SKEW_MS) found.push("skewed");
  if (count(of.unparsed) > 0) found.push("unparsed");
  if (of.truncated > 0) found.push("truncated");
  return found;
}

/** Lines that did not arrive, whoever sent them. */
export function lost(of: Ledger): number {
  return of.since_start.lines_lost + of.since_start.udp.reduce((sum, it) => sum + it.dropped, 0);
}

export async function ledger(signal: AbortSignal): Promise<Ledger> {
  return (await ask("/_sekisho/sources", { method: "GET", signal })) as unknown as Ledger;
}

/** PAN-OS numbers have 64 bits: more than a number of JavaScript holds, so they are read as text. */
export const numbersAsText = (json: string) => json.replace(/("(?:from|to|newest)":)(\d+)/g, '$1"$2"');

export async function detail(name: string, signal: AbortSignal): Promise<SourceDetail> {
  return (await ask(`/_sekisho/sources/${encodeURIComponent(name)}`, { method: "GET", signal }, numbersAsText)) as unknown as SourceDetail;
}
