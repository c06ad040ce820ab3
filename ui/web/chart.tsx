// Stacked bars over time, drawn by ourselves: a range is chosen by dragging, or with arrow keys and Enter. What happened at one
// moment, such as a commit of the configuration, is a mark above them.
import { useRef, useState } from "preact/hooks";
import { niceTop, number, rebin, tick, time } from "./format";
import { language, t } from "./i18n";
import { utc } from "./state";

export type Series = { name: string; tone: string; points: Map<number, number> };
export type Mark = { at: number; text: string; href: string };
export type Axis = { step: number; from?: number; to?: number };

const WIDTH = 1_000;
const LEFT = 56;
const BOTTOM = 22;
/** Bars beyond which neighbours are added up: more would be thinner than a pixel. */
const BARS_MAX = 240;

/** Bars of a chart: the first one's time, their width and number. */
export function layout(axis: Axis, series: Series[]): { first: number; step: number; count: number } | undefined {
  const keys = series.flatMap((it) => [...it.points.keys()]);
  if (keys.length === 0) return undefined;
  const low = Math.min(axis.from ?? Infinity, ...keys);
  const high = Math.max(axis.to ?? -Infinity, ...keys);
  let step = axis.step;
  const bars = () => Math.floor(high / step) - Math.floor(low / step) + 1;
  if (bars() > BARS_MAX) step *= Math.ceil(bars() / (BARS_MAX / 2));
  return { first: Math.floor(low / step) * step, step, count: bars() };
}

type Props = { series: Series[]; axis: Axis; height: number; label: string; choose: (from: number, to: number) => void; format?: (value: number) => string; marks?: Mark[]; labels?: number };

export function Chart({ series: given, axis, height, label, choose, format = (value) => number(value, language.value), marks = [], labels = 8 }: Props) {
  const box = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const place = layout(axis, given);
  if (!place) return null;
  const { first, step, count } = place;
  const series = given.map((it) => ({ ...it, points: rebin(it.points, step) }));
  const sums = Array.from({ length: count }, (_, bar) => series.reduce((total, it) => total + (it.points.get(first + bar * step) ?? 0), 0));
  const top = niceTop(Math.max(...sums));
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
  const ticks = Math.max(1, Math.ceil(count / labels));
  const shown = drag ?? (at === null ? null : [at, at]);
  const describe = (bar: number) => {
    const parts = series.map((it) => [it.name, it.points.get(first + bar * step) ?? 0] as const).filter((it) => it[1] > 0);
    return `${time(first + bar * step, utc.value).slice(0, 19)}: ${parts.length ? parts.map(([name, value]) => `${name} ${format(value)}`).join(", ") : format(0)}`;
  };
  const percentOf = (x: number) => `${(100 * x) / WIDTH}%`;
  return (
    <figure class="chart">
      {marks.length > 0 && (
        <ul class="marks" aria-label={t("commits")}>
          {marks.map((it) => (
            <li key={`${it.at} ${it.text}`} style={{ left: percentOf(LEFT + ((it.at - first) / step) * barWidth) }}>
              <a href={it.href} title={it.text} aria-label={it.text} />
            </li>
          ))}
        </ul>
      )}
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
        {sums.map((_, bar) => {
          let base = 0;
          return series.map((it) => {
            const value = it.points.get(first + bar * step) ?? 0;
            if (value === 0) return null;
            const from = y(base);
            base += value;
            return <rect key={`${bar} ${it.name}`} class={`tone-${it.tone}`} x={LEFT + bar * barWidth + barWidth * 0.08} width={barWidth * 0.84} y={y(base)} height={Math.max(0.75, from - y(base))} />;
          });
        })}
      </svg>
      <div class="y-axis" aria-hidden="true">
        {(Number.isInteger(top / 2) ? [1, 0.5, 0] : [1, 0]).map((part) => (
          <span key={part}>{format(top * part)}</span>
        ))}
      </div>
      <div class="x-axis" aria-hidden="true">
        {sums.map((_, bar) =>
          bar % ticks === 0 ? (
            <span key={bar} style={{ left: percentOf(LEFT + (bar + 0.5) * barWidth) }}>
              {tick(first + bar * step, step, utc.value)}
            </span>
          ) : null,
        )}
      </div>
      <figcaption aria-live="polite">{at === null ? "\u00a0" : describe(at)}</figcaption>
    </figure>
  );
}

/** Names, totals and colours of a chart's series; a click hides one. */
export function Legend({ series, hidden, toggle, format = (value) => number(value, language.value) }: { series: Series[]; hidden: string[]; toggle: (name: string) => void; format?: (value: number) => string }) {
  return (
    <div class="legend">
      {series.map((it) => (
        <button type="button" class="quiet" key={it.name} aria-pressed={!hidden.includes(it.name)} onClick={() => toggle(it.name)}>
          <i class={`dot tone-${it.tone}`} aria-hidden="true" /> {it.name} <b>{format([...it.points.values()].reduce((sum, value) => sum + value, 0))}</b>
        </button>
      ))}
    </div>
  );
}

/** A chart with its legend. */
export function TimeChart(props: Props) {
  const [hidden, setHidden] = useState<string[]>([]);
  const toggle = (name: string) => setHidden(hidden.includes(name) ? hidden.filter((it) => it !== name) : [...hidden, name]);
  const visible = props.series.filter((it) => !hidden.includes(it.name));
  return (
    <>
      {(props.series.length > 1 || hidden.length > 0) && <Legend series={props.series} hidden={hidden} toggle={toggle} {...(props.format ? { format: props.format } : {})} />}
      <Chart {...props} series={visible} />
    </>
  );
}
