// Events as they arrive: server-sent events of the query and filters on screen, newest first, of bounded number.
import { signal } from "@preact/signals";
import { longNumbersAsText, type Hit } from "../api";
import { discover } from "../queries";
import type { State } from "../state";
import { shownColumns } from "./columns";

/** Rows that are kept; older ones go. */
export const ROWS_MAX = 2_000;

/** Whether Discover shows what arrives in place of what is found. Not in the URL: a link is about events that are there. */
export const isLive = signal(false);

/** What a tail has brought so far. */
export type Arrived = { rows: Hit[]; count: number; isPartial: boolean };
export const NOTHING: Arrived = { rows: [], count: 0, isPartial: false };

/** New events, the oldest first as they come, on top of those that are there. After a lost connection some may come again. */
export function withArrived(before: Arrived, hits: Hit[], isPartial: boolean): Arrived {
  const nameOf = (it: Hit) => `${it._index}/${it._id}`;
  const known = new Set(before.rows.slice(0, hits.length + ROWS_MAX).map(nameOf));
  const fresh = hits.filter((it) => !known.has(nameOf(it)));
  return { rows: [...fresh.reverse(), ...before.rows].slice(0, ROWS_MAX), count: before.count + fresh.length, isPartial: before.isPartial || isPartial };
}

/** Where a state is followed: its query and filters from now on, whatever its time. */
export function address(state: State): string {
  const query = JSON.stringify(discover({ ...state, time: "all" }, 0));
  return `/_sekisho/tail?${new URLSearchParams({ index: state.stream, ignore_unavailable: "true", query, _source_includes: ["@timestamp", ...shownColumns(state.columns)].join(",") })}`;
}

export type Link = "connecting" | "open" | "closed";

/** Follows an address until the answer is called. The browser itself comes back after a lost connection, with its place. */
export function follow(at: string, changed: (link: Link) => void, arrived: (hits: Hit[], isPartial: boolean) => void): () => void {
  const source = new EventSource(at);
  source.onopen = () => changed("open");
  source.onerror = () => changed(source.readyState === EventSource.CLOSED ? "closed" : "connecting");
  source.onmessage = (event: MessageEvent<string>) => {
    const { hits, is_partial } = JSON.parse(longNumbersAsText(event.data)) as { hits: Hit[]; is_partial: boolean };
    arrived(hits, is_partial);
  };
  return () => source.close();
}
