// The server's answers: searches in Elasticsearch's dialect, with one cancel for a page's requests.
import { signal } from "@preact/signals";

/** The server wants to know who asks: the login page stands in for every page until it does. The URL stays what it is. */
export const isLoggedOut = signal(false);

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Body = { [key: string]: Json };
export type Bucket = { key: string | number; key_as_string?: string; doc_count: number; [sub: string]: unknown };
export type Answer = {
  took: number;
  hits: { total?: { value: number; relation: "eq" | "gte" }; hits: Hit[] };
  aggregations?: Record<string, { buckets: Bucket[]; value?: number; sum_other_doc_count?: number }>;
  _shards: { total: number; failed: number; failures?: { index: string; reason: { reason: string } }[] };
  error?: { type: string; reason: string; root_cause?: { type: string; reason: string }[] };
  status?: number;
};
export type Hit = { _index: string; _id: string; _source: Record<string, unknown>; sort?: Json[] };

/** What the server said was wrong. */
export class Refused extends Error {
  constructor(readonly kind: string, message: string, readonly status = 0) {
    super(message);
  }
}

function refused(answer: Answer | undefined, status: number): Refused {
  const cause = answer?.error?.root_cause?.[0] ?? answer?.error;
  return new Refused(cause?.type ?? `http ${status}`, cause?.reason ?? `HTTP ${status}`, status);
}

/** Says to the server that a page asks: it then leaves out the challenge that makes a browser ask for a password by itself. */
const OURS = { "x-requested-with": "sekisho-ui" };

export async function ask(path: string, init: RequestInit, amend = (text: string) => text): Promise<Answer> {
  const response = await fetch(path, { ...init, headers: { ...(init.headers as Record<string, string> | undefined), ...OURS } });
  if (response.status === 401) isLoggedOut.value = true;
  const text = amend(await response.text());
  let answer: Answer | undefined;
  try {
    answer = JSON.parse(text) as Answer;
  } catch {
    throw new Refused(`http ${response.status}`, text.slice(0, 200));
  }
  if (!response.ok) throw refused(answer, response.status);
  return answer;
}

export function search(index: string, body: Body, signal: AbortSignal): Promise<Answer> {
  return ask(`/${encodeURIComponent(index)}/_search?ignore_unavailable=true`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });
}

/** Whole numbers of more digits than a number of JavaScript holds, as text. Strings are stepped over: a log line is full of digits. */
export const longNumbersAsText = (json: string) => json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (it) => (/^-?\d{16,}$/.test(it) ? `"${it}"` : it));

/** How long a point in time lives after it was last asked. */
const KEEP_ALIVE = "5m";

/** Holds an index as it is now, so that pages asked one after another fit together. */
export async function openPit(index: string, signal: AbortSignal): Promise<string> {
  return ((await ask(`/${encodeURIComponent(index)}/_pit?keep_alive=${KEEP_ALIVE}&ignore_unavailable=true`, { method: "POST", signal })) as unknown as { id: string }).id;
}

/** Lets go of it. It would end by itself, so nobody waits, and a failure is none. */
export function closePit(id: string): void {
  void fetch("/_pit", { method: "DELETE", headers: { "content-type": "application/json" }, body: JSON.stringify({ id }), keepalive: true }).catch(() => undefined);
}

export function searchPit(id: string, body: Body, signal: AbortSignal): Promise<Answer> {
  const whole = { ...body, pit: { id, keep_alive: KEEP_ALIVE } };
  return ask("/_search", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(whole), signal }, longNumbersAsText);
}

/** Values of a keyword field that begin with some letters. */
export async function termsEnum(index: string, field: string, string: string, signal: AbortSignal): Promise<string[]> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ field, string, size: 12, case_insensitive: true }), signal };
  return ((await ask(`/${encodeURIComponent(index)}/_terms_enum?ignore_unavailable=true`, init)) as unknown as { terms: string[] }).terms;
}

export type Query = { index: string; body: Body };

/** Several searches in one request; each has its answer or its error. */
export async function searches(queries: Query[], signal: AbortSignal): Promise<(Answer | Refused)[]> {
  const lines = queries.flatMap((it) => [JSON.stringify({ index: it.index, ignore_unavailable: true }), JSON.stringify(it.body)]);
  const answer = (await ask("/_msearch", { method: "POST", headers: { "content-type": "application/x-ndjson" }, body: `${lines.join("\n")}\n`, signal })) as unknown as { responses: Answer[] };
  return answer.responses.map((it) => (it.error ? refused(it, it.status ?? 0) : it));
}

export type FieldInfo = { name: string; type: string; aggregatable: boolean };

export async function fields(index: string, signal: AbortSignal): Promise<FieldInfo[]> {
  const answer = (await ask(`/${encodeURIComponent(index)}/_field_caps?fields=*&filters=-parent,-metadata&ignore_unavailable=true`, { method: "GET", signal })) as unknown as {
    fields: Record<string, Record<string, { type: string; aggregatable: boolean }>>;
  };
  return Object.entries(answer.fields)
    .flatMap(([name, types]) => {
      const first = Object.values(types)[0];
      return first ? [{ name, type: first.type, aggregatable: first.aggregatable }] : [];
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** The same search for a terminal. The body is quoted for a POSIX shell. */
export function curl(query: Query, origin: string): string {
  const body = JSON.stringify(query.body, null, 2).replace(/'/g, "'\\''");
  return `curl -s '${origin}/${query.index}/_search' -H 'content-type: application/json' -d '${body}'`;
}

/** Who is logged in; `null` where the server asks nobody. */
export async function whoAmI(signal: AbortSignal): Promise<string | null> {
  const { username } = (await ask("/_security/_authenticate", { method: "GET", signal })) as unknown as { username: string };
  return username.startsWith("_") ? null : username;
}

const send = (path: string, body: Body) => ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** Begins a session, which the browser keeps in a cookie. */
export async function logIn(username: string, password: string): Promise<void> {
  await send("/_sekisho/login", { username, password });
  isLoggedOut.value = false;
}

export async function logOut(): Promise<void> {
  await send("/_sekisho/logout", {});
  isLoggedOut.value = true;
}

/** One side of a conversation. */
export type End = { ip: Json; port: Json; nat: { ip: Json; port: Json }; user: Json; geo: Json; zone: Json; interface: Json };
type Counts = { total: number | null; to_destination: number | null; to_source: number | null };
export type SessionEvent = { _index: string; _id: string; _source: { [key: string]: Json } };
export type Conversation = {
  start: string;
  end: string;
  duration_ms: number;
  is_open: boolean;
  observer: { serial_number: Json; hostname: Json; virtual_sys: Json };
  flow_id: Json;
  transport: Json;
  source: End;
  destination: End;
  applications: string[];
  rules: string[];
  actions: string[];
  end_reason: Json;
  bytes: Counts;
  packets: Counts;
  counted_at: "end" | "start" | null;
  detected_but_allowed: { threats: number; bytes_to_source: number | null };
  events: SessionEvent[];
};

/** The conversation that an event is part of. */
export async function session(index: string, id: string, signal: AbortSignal): Promise<{ key: string; conversations: Conversation[] }> {
  const path = `/_sekisho/sessions?index=${encodeURIComponent(index)}&id=${encodeURIComponent(id)}`;
  return (await ask(path, { method: "GET", signal })) as unknown as { key: string; conversations: Conversation[] };
}
