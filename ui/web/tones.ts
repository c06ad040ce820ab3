// Which colour a value has: severities and verdicts have one of their own everywhere, other values take turns.
import { BLOCKS, PASSES } from "./queries";

export const SEVERITIES = ["critical", "high", "medium", "low", "informational"];
const OWN: Record<string, string> = { success: "good", failure: "critical", blocked: "blocked", passed: "passed", other: "other" };
const TURNS = 8;

/** The name of a tone: `tone-<name>` is its CSS class. */
export function tone(value: string, order: number): string {
  if (SEVERITIES.includes(value)) return value;
  return OWN[value] ?? `turn-${order % TURNS}`;
}

export type Verdict = "blocked" | "passed" | "other";
export const VERDICTS: Verdict[] = ["blocked", "passed", "other"];

/** What an action did with what it was about. A sinkholed name got an answer, but not the real one. */
export function verdict(action: string): Verdict {
  return BLOCKS.includes(action) || action === "sinkhole" ? "blocked" : PASSES.includes(action) ? "passed" : "other";
}

/** The tone of a cell's value, where its field has tones. */
export function cellTone(field: string, value: string): string | undefined {
  if (field === "panw.panos.severity" || field === "log.level") return SEVERITIES.includes(value) ? value : undefined;
  if (field === "panw.panos.action") return verdict(value);
  if (field === "event.outcome") return OWN[value];
  return undefined;
}
