// What a panel is. Panels never fetch: the page asks all their questions together.
import type { ComponentChildren } from "preact";
import type { Answer, Query } from "../api";
import type { Key } from "../i18n";
import type { Scope } from "../queries";
import type { State } from "../state";

/** A panel's answer as a table: what "show as table" shows and what the CSV holds. */
export type Table = { head: string[]; rows: (string | number)[][] };

export type Panel = {
  id: string;
  title: Key;
  hint?: Key;
  /** Columns of the page's twelve that it takes. */
  span: 4 | 6 | 8 | 12;
  /** The questions; "show query" shows all of them. */
  queries: (state: State, now: number) => Query[];
  /** The events behind it, for the link to Discover. */
  scope?: Scope;
  isEmpty: (answers: Answer[]) => boolean;
  render: (answers: Answer[], state: State, now: number) => ComponentChildren;
  table: (answers: Answer[], state: State, now: number) => Table;
  /** True where `render` is a table already. */
  isTable?: boolean;
};
