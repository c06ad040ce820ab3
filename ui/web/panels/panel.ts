// What a panel is. Panels never fetch: the page asks all their questions together.
import type { ComponentChildren } from "preact";
import type { Answer, Query } from "../api";
import type { Key } from "../i18n";
import type { State } from "../state";

export type Panel = {
  id: string;
  title: Key;
  hint?: Key;
  wide?: boolean;
  /** The questions; the first is the one that "show query" shows. */
  queries: (state: State, now: number) => Query[];
  isEmpty: (answers: Answer[]) => boolean;
  render: (answers: Answer[], state: State, now: number) => ComponentChildren;
};
