// What Discover asks for its list of events: one body for the table, the export and the copy for a terminal.
import { signal } from "@preact/signals";
import { closePit, openPit, searchPit, type Body, type Json } from "../api";
import { discover } from "../queries";
import type { State } from "../state";
import { shownColumns, split } from "./columns";
import type { Source } from "./paging";

/** Rows of the first page, which should be there at once, and of later ones. */
export const FIRST = 100;
const LATER = 500;

/** How often the same question was asked again by hand. */
export const turn = signal(0);

/** What of the state the list of events depends on. Two equal keys are one question. */
export const keyOf = (it: State) => JSON.stringify([it.stream, it.query, it.syntax, it.filters.filter((filter) => !filter.off), it.time, turn.value]);

/** The order of the events. Equal ones keep the order of the point in time, so that each comes once. */
export function order(sort: string): Json[] {
  const [field, direction] = split(sort);
  const newest = { "@timestamp": { order: "desc", unmapped_type: "date" } };
  // A field that some of the streams don't have is one without values there.
  const first = field === "@timestamp" ? { "@timestamp": { order: direction, unmapped_type: "date" } } : { [field]: { order: direction, unmapped_type: "keyword", missing: "_last" } };
  return [first, ...(field === "@timestamp" ? [] : [newest]), { _shard_doc: "asc" }];
}

/** The events of a state at a moment: `now` stays the same over all pages. */
export function eventsBody(state: State, now: number): Body {
  return { track_total_hits: true, query: discover(state, now), sort: order(state.sort) };
}

/** The pages of the table: of each event only what the columns show. */
export function tablePages(state: State, now: number): Source {
  const body: Body = { ...eventsBody(state, now), _source: ["@timestamp", ...shownColumns(state.columns)] };
  return pages(state.stream, body, (after) => (after ? LATER : FIRST));
}

/** The pages of any body that has an order. */
export function pages(index: string, body: Body, size: (after: Json[] | undefined) => number): Source {
  return {
    open: (signal) => openPit(index, signal),
    // The number of matches of a point in time never changes: it is counted once.
    page: (pit, after, signal) => searchPit(pit, { ...body, size: size(after), ...(after ? { search_after: after, track_total_hits: false } : {}) }, signal),
    close: closePit,
  };
}
