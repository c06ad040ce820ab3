// One conversation over time: a lane for the session itself, from its first to its last moment, and one for each kind of event in it.
// A mark leads to its events in the list below. The places are pure functions: tested without a browser.
import type { Conversation, SessionEvent } from "./api";
import { valuesAt } from "./documents";
import { duration, number, time } from "./format";
import { language, t } from "./i18n";
import { utc } from "./state";
import { verdict } from "./tones";

/** What kind of event it is, as its lane is called: THREAT lines of subtype url have one of their own. */
export function kindOf(event: SessionEvent): string {
  const first = (path: string) => valuesAt(event._source, path)[0] ?? "";
  const type = first("panw.panos.type");
  return type === "THREAT" && first("panw.panos.sub_type") === "url" ? "URL" : type;
}

export const timeOf = (event: SessionEvent): number => Date.parse(valuesAt(event._source, "@timestamp")[0] ?? "");
export const idOf = (event: SessionEvent) => `event-${event._index}-${event._id}`;

/** Events of one kind whose marks would lie over each other. `x` is a part of the whole, 0 to 1. */
export type MarkOf = { x: number; events: SessionEvent[] };
export type Lanes = { from: number; to: number; bar: { x: number; width: number }; lanes: { kind: string; marks: MarkOf[] }[] };

/** Marks nearer than this part of the whole are one. */
const NEAR = 0.012;
/** PAN-OS writes whole seconds: a shorter conversation is drawn as this long. */
const SHORTEST_MS = 1_000;
const ORDER = ["TRAFFIC", "THREAT", "URL"];

export function lanes(of: Pick<Conversation, "start" | "end" | "events">): Lanes {
  const times = of.events.map(timeOf).filter(Number.isFinite);
  const [start, end] = [Date.parse(of.start), Date.parse(of.end)];
  const from = Math.min(start, ...times);
  const to = Math.max(from + SHORTEST_MS, end, ...times);
  const place = (at: number) => (at - from) / (to - from);
  const rank = (kind: string) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);
  const kinds = [...new Set(of.events.map(kindOf))].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  const marks = (kind: string) => {
    const found: MarkOf[] = [];
    for (const event of of.events.filter((it) => kindOf(it) === kind && Number.isFinite(timeOf(it))).sort((a, b) => timeOf(a) - timeOf(b))) {
      const [x, last] = [place(timeOf(event)), found[found.length - 1]];
      if (last && x - last.x < NEAR) last.events.push(event);
      else found.push({ x, events: [event] });
    }
    return found;
  };
  return { from, to, bar: { x: place(start), width: place(end) - place(start) }, lanes: kinds.map((kind) => ({ kind, marks: marks(kind) })) };
}

/** The worst that was done with one of the events: what passed stands out. */
function toneOf(kind: string, events: SessionEvent[]): string {
  if (kind !== "THREAT" && kind !== "URL") return "turn-0";
  const verdicts = events.map((it) => verdict(valuesAt(it._source, "panw.panos.action")[0] ?? ""));
  if (kind === "THREAT" && verdicts.includes("passed")) return "critical";
  return verdicts.includes("blocked") ? "blocked" : kind === "URL" ? "turn-6" : "other";
}

const STEPS = [0, 0.25, 0.5, 0.75, 1];

export function LaneChart({ of, says }: { of: Conversation; says: (event: SessionEvent) => string }) {
  const it = lanes(of);
  const percent = (x: number) => `${100 * x}%`;
  const reach = (event: SessionEvent | undefined) => {
    const row = event && document.getElementById(idOf(event));
    row?.scrollIntoView({ block: "center" });
    row?.focus();
  };
  return (
    <figure class="lanes" aria-label={t("timeline")}>
      <div class="lane">
        <span class="lane-name">{t("session")}</span>
        <div class="lane-track">
          <span class={`lane-bar${of.is_open ? " open" : ""}`} style={{ left: percent(it.bar.x), width: `max(4px, ${percent(it.bar.width)})` }} title={of.is_open ? t("stillOpen") : duration(of.duration_ms)} />
        </div>
      </div>
      {it.lanes.map(({ kind, marks }) => (
        <div class="lane" key={kind}>
          <span class="lane-name">{kind}</span>
          <ul class="lane-track">
            {marks.map(({ x, events }) => {
              const text = `${time(it.from + x * (it.to - it.from), utc.value).slice(11)}: ${says(events[0]!)}${events.length > 1 ? `, ${t("nMore", number(events.length - 1, language.value))}` : ""}`;
              return (
                <li key={x} style={{ left: percent(x) }}>
                  <button type="button" class={`lane-mark tone-${toneOf(kind, events)}`} title={text} aria-label={text} onClick={() => reach(events[0])}>
                    {events.length > 1 ? events.length : ""}
                  </button>
                </li>
              );
            })}
          </ul>
        </div>
      ))}
      <div class="lane lane-axis" aria-hidden="true">
        <span />
        <div class="lane-track">
          {STEPS.map((x) => (
            <span key={x} style={{ left: percent(x) }}>
              +{duration(Math.round(x * (it.to - it.from)))}
            </span>
          ))}
        </div>
      </div>
    </figure>
  );
}
