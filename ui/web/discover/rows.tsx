// Rows of events, as a table: only those in view are drawn. Columns are sorted, widened and moved at their heads; j and k step through the
// rows, Enter opens one. Whose rows they are, and whether there are more, is told by whoever uses it.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Hit } from "../api";
import { valuesAt } from "../documents";
import { time } from "../format";
import { FilterButtons } from "../parts";
import { go, state, utc } from "../state";
import { cellTone } from "../tones";
import { clamp, moved, nextSort, readWidths, split, TIME_WIDTH, toggled, widthOf, type Widths } from "./columns";
import { t } from "./texts";

/** The height of a row in pixels, as the style sheet has it. */
const ROW = 30;
/** Rows drawn above and below what is in view. */
const MARGIN = 15;
const WIDTHS = "sekisho.widths";

export const nameOf = (hit: Hit) => `${hit._index}/${hit._id}`;

/** The rows to draw of `count`, where the view begins at `top` and is `height` high. */
export function rowsInView(top: number, height: number, count: number): { from: number; to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(top / ROW)) - MARGIN);
  return { from, to: Math.min(count, Math.ceil((top + height) / ROW) + MARGIN) };
}

/** Whether a key belongs to where somebody writes. */
export const isTyping = (target: EventTarget | null) => target instanceof HTMLElement && target.closest("input, select, textarea, [contenteditable]") !== null;

type RowsProps = {
  /** What list it is: another one begins at its top. */
  list: unknown;
  hits: Hit[];
  /** How many there are in all, where that is known. */
  total?: number | undefined;
  columns: string[];
  setFar: (isFar: boolean) => void;
  /** Told which row is the last near the view, once somebody scrolls. */
  near?: (row: number) => void;
  isSortable: boolean;
};

export function Rows({ list, hits, total, columns, setFar, near, isSortable }: RowsProps) {
  const now = state.value;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [widths, setWidths] = useState<Widths>(() => readWidths(window.localStorage.getItem(WIDTHS)));
  const [at, redrawAt] = useState(0);
  // Keys may come faster than the rows are drawn: what they step from is not what was drawn last.
  const cursor = useRef({ row: 0, hits });
  cursor.current.hits = hits;
  const setAt = (row: number) => {
    cursor.current.row = row;
    redrawAt(row);
  };
  const [pointed, setPointed] = useState("");
  const { from, to } = rowsInView(view.top, view.height, hits.length);

  // A new list begins at its top.
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0;
    setAt(0);
    setFar(false);
  }, [list]);
  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (view.top > 0) near?.(to);
  }, [near, to, hits.length]);

  const step = (by: number) => {
    const { hits } = cursor.current;
    const row = Math.min(hits.length - 1, Math.max(0, cursor.current.row + by));
    setAt(row);
    const element = box.current!;
    // The head is sticky: a row under it is not in view.
    if (row * ROW < element.scrollTop) element.scrollTop = row * ROW;
    else if ((row + 2) * ROW > element.scrollTop + element.clientHeight) element.scrollTop = (row + 2) * ROW - element.clientHeight;
    // The cursor would be somewhere else in a new list.
    setFar(row > 0);
    if (state.value.event && hits[row]) go({ event: nameOf(hits[row]) }, "replace");
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const onButton = event.target instanceof HTMLElement && event.target.closest("button, a, summary") !== null;
      const { row, hits } = cursor.current;
      if (event.key === "j") step(1);
      else if (event.key === "k") step(-1);
      else if (event.key === "Enter" && !onButton && hits[row]) go({ event: nameOf(hits[row]) });
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const resize = (name: string, width: number) => {
    const next = { ...widths, [name]: clamp(width) };
    setWidths(next);
    window.localStorage.setItem(WIDTHS, JSON.stringify(next));
  };
  const timeWidth = widths["@timestamp"] ?? TIME_WIDTH;
  return (
    <div
      class="scroll rows"
      tabIndex={0}
      role="group"
      aria-label={t("tableKeys")}
      ref={box}
      onScroll={(event) => {
        const { scrollTop, clientHeight } = event.currentTarget;
        setView({ top: scrollTop, height: clientHeight });
        setFar(scrollTop > ROW);
      }}
      onMouseLeave={() => setPointed("")}
    >
      <table class="plain hits" aria-rowcount={total === undefined ? -1 : total + 1} style={{ width: `${timeWidth + columns.reduce((sum, it) => sum + widthOf(widths, it), 0)}px` }}>
        <colgroup>
          <col style={{ width: `${timeWidth}px` }} />
          {columns.map((it) => (
            <col key={it} style={{ width: `${widthOf(widths, it)}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <ColumnHead name="@timestamp" title={t("time")} width={timeWidth} isSortable={isSortable} resize={(it) => resize("@timestamp", it)} />
            {columns.map((name, position) => (
              <ColumnHead key={name} name={name} title={name} width={widthOf(widths, name)} position={position} isSortable={isSortable} resize={(it) => resize(name, it)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <Gap rows={from} span={columns.length + 1} />}
          {hits.slice(from, to).map((hit, offset) => {
            const row = from + offset;
            const name = nameOf(hit);
            return (
              <Row
                key={name}
                hit={hit}
                row={row}
                columns={columns}
                mark={`${now.event === name ? "chosen" : ""}${row === at ? " at" : ""}`}
                hasButtons={row === at || pointed === name}
                point={() => pointed !== name && setPointed(name)}
                open={() => {
                  setAt(row);
                  go({ event: name });
                }}
              />
            );
          })}
          {to < hits.length && <Gap rows={hits.length - to} span={columns.length + 1} />}
        </tbody>
      </table>
    </div>
  );
}

const Gap = ({ rows, span }: { rows: number; span: number }) => (
  <tr aria-hidden="true" class="gap">
    <td colSpan={span} style={{ height: `${rows * ROW}px` }} />
  </tr>
);

type RowProps = { hit: Hit; row: number; columns: string[]; mark: string; hasButtons: boolean; point: () => void; open: () => void };

function Row({ hit, row, columns, mark, hasButtons, point, open }: RowProps) {
  return (
    <tr class={mark} aria-rowindex={row + 2} onMouseEnter={point}>
      <td class="nowrap">
        <button type="button" class="quiet open" title={t("details")} data-event={nameOf(hit)} onClick={open}>
          {time(Date.parse(valuesAt(hit._source, "@timestamp")[0] ?? ""), utc.value)}
        </button>
      </td>
      {columns.map((column) => (
        <td key={column}>
          {valuesAt(hit._source, column).map((value, order) => {
            const tone = cellTone(column, value);
            return (
              <span class="cell" key={order}>
                <span class="value" title={value}>
                  {tone && <i class={`dot tone-${tone}`} aria-hidden="true" />}
                  {value}
                </span>
                {hasButtons && <FilterButtons field={column} value={value} />}
              </span>
            );
          })}
        </td>
      ))}
    </tr>
  );
}

type HeadProps = { name: string; title: string; width: number; position?: number; isSortable: boolean; resize: (width: number) => void };

function ColumnHead({ name, title, width, position, isSortable, resize }: HeadProps) {
  const now = state.value;
  const [field, direction] = split(now.sort);
  const isSorted = isSortable && field === name;
  const [isOver, setOver] = useState(false);
  const grip = useRef<{ x: number; width: number } | null>(null);
  const canMove = position !== undefined;
  const move = (to: number) => go({ columns: moved(now.columns, name, to) });
  return (
    <th
      scope="col"
      class={isOver ? "over" : ""}
      aria-sort={isSorted ? (direction === "asc" ? "ascending" : "descending") : "none"}
      onDragOver={(event) => {
        if (!canMove || !event.dataTransfer?.types.includes("text/x-column")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        const dragged = event.dataTransfer?.getData("text/x-column");
        if (!canMove || !dragged) return;
        event.preventDefault();
        go({ columns: moved(now.columns, dragged, position) });
      }}
    >
      <span class="head">
        <button
          type="button"
          class="quiet name"
          aria-label={title}
          title={canMove ? t("columnHint", title) : title}
          draggable={canMove}
          onDragStart={(event) => event.dataTransfer?.setData("text/x-column", name)}
          onClick={() => isSortable && go({ sort: nextSort(now.sort, name) })}
          onKeyDown={(event) => {
            if (!canMove || !event.shiftKey || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
            event.preventDefault();
            move(position + (event.key === "ArrowRight" ? 1 : -1));
          }}
        >
          <span class="path">{title.slice(0, title.lastIndexOf(".") + 1)}</span>
          <span class="leaf">{title.slice(title.lastIndexOf(".") + 1)}</span>
          {isSorted && <span aria-hidden="true"> {direction === "asc" ? "↑" : "↓"}</span>}
        </button>
        {canMove && (
          <button type="button" class="icon" aria-label={`${t("removeColumn")}: ${title}`} title={t("removeColumn")} onClick={() => go({ columns: toggled(now.columns, name) })}>
            ×
          </button>
        )}
      </span>
      <span
        class="grip"
        role="separator"
        aria-orientation="vertical"
        aria-label={t("columnWidth", title)}
        aria-valuenow={width}
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
          event.preventDefault();
          resize(width + (event.key === "ArrowRight" ? 20 : -20));
        }}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
          grip.current = { x: event.clientX, width };
        }}
        onPointerMove={(event) => grip.current && resize(grip.current.width + event.clientX - grip.current.x)}
        onPointerUp={() => (grip.current = null)}
      />
    </th>
  );
}
