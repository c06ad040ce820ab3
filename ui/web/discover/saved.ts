// Saved searches: documents of an ordinary index, so that colleagues see them and backups hold them. What is saved is the part of the
// URL behind `#`: what a later version does not understand is its default then, as in an old link.
import { ask, search } from "../api";
import { parse, print, type State } from "../state";

const INDEX = ".sekisho-searches";
const MOST = 500;

export type Saved = { id: string; name: string; state: State; at: string };

/** The part of a state that a saved search is: not the page's beat, nor the event that is open. */
export const kept = (it: State): string => print({ ...it, page: "discover", event: "", item: "", every: parse("").every });

export async function savedSearches(signal: AbortSignal): Promise<Saved[]> {
  const answer = await search(INDEX, { size: MOST, query: { match_all: {} } }, signal);
  return answer.hits.hits
    .flatMap(({ _id, _source: { name, state, saved_at } }) => (typeof name === "string" && typeof state === "string" ? [{ id: _id, name, state: parse(state), at: String(saved_at ?? "") }] : []))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Saves under a name; in place of another one where its id is given. */
export async function saveSearch(name: string, state: State, id?: string): Promise<void> {
  const body = JSON.stringify({ name, state: kept(state), saved_at: new Date().toISOString() });
  const init = { method: id ? "PUT" : "POST", headers: { "content-type": "application/json" }, body };
  await ask(`/${INDEX}/_doc${id ? `/${encodeURIComponent(id)}` : ""}?refresh=true`, init);
}

export async function deleteSearch(id: string): Promise<void> {
  await ask(`/${INDEX}/_doc/${encodeURIComponent(id)}?refresh=true`, { method: "DELETE" });
}
