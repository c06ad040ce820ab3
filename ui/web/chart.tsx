// Stacked bars over time, drawn by ourselves: a range is chosen by dragging, or with arrow keys and Enter.
import { useRef, useState } from "preact/hooks";
import { niceTop, number, tick, time } from "./format";
import { language, t } from "./i18n";
import { utc } from "./state";

export type Series = { name: string; points: Map<number, number> };

const WIDTH = 1_000;
const LEFT = 56;
const BOTTOM = 22;

export function Chart({ series, step, height, label, choose }: { series: Series[]; step: number; height: number; label: string; choose: (from: number, to: number) => void }) {
  const box = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const keys = series.flatMap((it) => [...it.points.keys()]);
  if (keys.length === 0) return null;
  const first = Math.min(...keys);
  const count = Math.round((Math.max(...keys) - first) / step) + 1;
  const sum = (bar: number) => series.reduce((total, it) => total + (it.points.get(first + bar * step) ?? 0), 0);
  const top = niceTop(Math.max(...Array.from({ length: count }, (_, bar) => sum(bar))));
  const barWidth = (WIDTH - LEFT) / count;
  const y = (value: number) => (height - BOTTOM) * (1 - value / top);
  const barAt = (clientX: number) => {
    const rect = box.current?.getBoundingClientRect();
    if (!rect) return 0;
    const x = ((clientX - rect.left) / rect.width) * WIDTH - LEFT;
    return Math.min(count - 1, Math.max(0, Math.floor(x / barWidth)));
  };
  const take = (a: number, b: number) => choose(first + Math.min(a, b) * step, first + (Math.max(a, b) + 1) * step);
  const onKey = (event: KeyboardEvent) => {
    const now = at ?? (event.key === "ArrowLeft" ? count : -1);
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const next = Math.min(count - 1, Math.max(0, now + (event.key === "ArrowRight" ? 1 : -1)));
      setDrag(event.shiftKey && at !== null ? [drag?.[0] ?? at, next] : null);
      setAt(next);
    } else if (event.key === "Enter" && at !== null) {
      take(drag?.[0] ?? at, at);
      setDrag(null);
    } else if (event.key === "Escape") {
      setDrag(null);
      setAt(null);
    } else return;
    event.preventDefault();
  };
  const ticks = Math.max(1, Math.ceil(count / 8));
  const shown = drag ?? (at === null ? null : [at, at]);
  const describe = (bar: number) => `${time(first + bar * step, utc.value).slice(0, 19)}: ${series.map((it) => `${it.name} ${number(it.points.get(first + bar * step) ?? 0, language.value)}`).join(", ")}`;
  return (
    <figure class="chart">
      <svg
        ref={box}
        viewBox={`0 0 ${WIDTH} ${height}`}
        preserveAspectRatio="none"
        height={height}
        role="application"
        // SVG attributes keep their case: `tabIndex` would not make it reachable.
        tabindex={0}
        aria-label={`${label}. ${t("histogram")}`}
        onKeyDown={onKey}
        onPointerDown={(event) => {
          const bar = barAt(event.clientX);
          box.current?.setPointerCapture(event.pointerId);
          setDrag([bar, bar]);
        }}
        onPointerMove={(event) => {
          const bar = barAt(event.clientX);
          setAt(bar);
          if (drag && event.buttons) setDrag([drag[0], bar]);
        }}
        onPointerUp={(event) => {
          if (drag) take(drag[0], barAt(event.clientX));
          setDrag(null);
        }}
        onPointerLeave={() => !drag && setAt(null)}
      >
        {[0, 0.5, 1].map((part) => (
          <line key={part} class="grid" x1={LEFT} x2={WIDTH} y1={y(top * part)} y2={y(top * part)} />
        ))}
        {shown && <rect class="chosen-range" x={LEFT + Math.min(...shown) * barWidth} width={(Math.abs(shown[1]! - shown[0]!) + 1) * barWidth} y={0} height={height - BOTTOM} />}
        {Array.from({ length: count }, (_, bar) => {
          let base = 0;
          return series.map((it, order) => {
            const value = it.points.get(first + bar * step) ?? 0;
            if (value === 0) return null;
            const from = y(base);
            base += value;
            return <rect key={`${bar} ${order}`} class={`series-${order}`} x={LEFT + bar * barWidth + barWidth * 0.08} width={barWidth * 0.84} y={y(base)} height={Math.max(0.75, from - y(base))} />;
          });
        })}
      </svg>
      <div class="y-axis" aria-hidden="true">
        {[1, 0.5, 0].map((part) => (
          <span key={part}>{number(top * part, language.value)}</span>
        ))}
      </div>
      <div class="x-axis" aria-hidden="true">
        {Array.from({ length: count }, (_, bar) =>
          bar % ticks === 0 ? (
            <span key={bar} style={{ left: `${(100 * (LEFT + (bar + 0.5) * barWidth)) / WIDTH}%` }}>
              {tick(first + bar * step, step, utc.value)}
            </span>
          ) : null,
        )}
      </div>
      <figcaption aria-live="polite">{at === null ? "\u00a0" : describe(at)}</figcaption>
    </figure>
  );
}
