// Pure functions of the dashboard, without a browser: scales, formats, state in the URL, query bodies, both languages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, duration, heat, interval, niceTop, percent, tick, time } from "../.compiled/format.js";
import { t, texts } from "../.compiled/i18n.js";
import { discover, timeFilter } from "../.compiled/queries.js";
import { bounds, DEFAULTS, parse, print } from "../.compiled/state.js";
import { matrix } from "../.compiled/panels/resets.js";
import { flatten, valuesAt } from "../.compiled/pages/discover.js";
import { summary } from "../.compiled/pages/session.js";

test("buckets are round and not too many", () => {
  assert.equal(interval(86_400_000, 90), 1_800_000);
  assert.equal(interval(2_592_000_000, 90), 43_200_000);
  assert.ok(25_920_000_000 / interval(25_920_000_000, 90) <= 90);
});

test("the top of an axis is round and above the value", () => {
  for (const [value, top] of [[0, 1], [1, 1], [11, 20], [99, 100], [501, 1000]]) assert.equal(niceTop(value), top);
});

test("heat grows with the value and only zero is cold", () => {
  assert.equal(heat(0, 100), 0);
  assert.ok(heat(1, 1_000_000) >= 1);
  assert.equal(heat(100, 100), 4);
});

test("times and shares as text", () => {
  assert.equal(time(0, true), "1970-01-01 00:00:00.000");
  assert.equal(tick(0, 86_400_000, true), "01-01");
  assert.equal(percent(988, 1000, "en"), "98.8%");
  assert.equal(percent(1, 0, "en"), "–");
});

test("a state survives its URL, whatever a value holds", () => {
  const state = { ...DEFAULTS, page: "discover", time: "1000..2000", query: "a:b & c#d", event: ".ds-panos-url-2026.11.23-000001/a_b-c", filters: [{ field: "url.original", value: "x.example/?a=1&b=\"<script>\":2", out: true }, { field: "source.ip", value: "::1", out: false }], columns: ["a.b", "c"], every: 0 };
  assert.deepEqual(parse(print(state)), state);
  assert.deepEqual(parse(""), DEFAULTS);
  assert.deepEqual(parse("#/nonsense?time=tomorrow&f=x&every=-1"), DEFAULTS);
});

test("time choices become bounds and filters", () => {
  assert.deepEqual(bounds("1h", 10_000_000), { from: 6_400_000 });
  assert.deepEqual(bounds("5..9", 0), { from: 5, to: 9 });
  assert.deepEqual(timeFilter("all", 0), []);
  assert.deepEqual(timeFilter("5..9", 0), [{ range: { "@timestamp": { format: "epoch_millis", gte: 5, lt: 9 } } }]);
});

test("filters and the query bar become one query", () => {
  const state = { ...DEFAULTS, time: "all", query: "x", filters: [{ field: "a", value: "1", out: false }, { field: "b", value: "*", out: true }] };
  assert.deepEqual(discover(state, 0), { bool: { filter: [{ query_string: { query: "x", default_operator: "AND", lenient: true } }, { term: { a: "1" } }], must_not: [{ exists: { field: "b" } }] } });
});

test("a zone matrix has every pair once", () => {
  const answer = { aggregations: { from: { buckets: [{ key: "U", doc_count: 3, to: { buckets: [{ key: "D", doc_count: 2 }, { key: "T", doc_count: 1 }] } }] } } };
  const it = matrix(answer);
  assert.deepEqual([it.from, it.to, it.largest], [["U"], ["D", "T"], 2]);
});

test("dotted paths lead through objects, lists and dotted keys", () => {
  const document = { a: { b: [1, 2], c: null }, "d.e": "x", f: [{ g: 1 }, { g: 2 }] };
  assert.deepEqual(valuesAt(document, "a.b"), ["1", "2"]);
  assert.deepEqual(valuesAt(document, "d.e"), ["x"]);
  assert.deepEqual(valuesAt(document, "f.g"), ["1", "2"]);
  assert.deepEqual(flatten({ a: { b: [1, 2] }, c: "x" }), [["a.b", ["1", "2"]], ["c", ["x"]]]);
});

test("both languages have the same keys and the same places for values", () => {
  assert.deepEqual(Object.keys(texts.ja).sort(), Object.keys(texts.en).sort());
  for (const key of Object.keys(texts.en)) {
    const places = (text) => (text.match(/\{\d\}/g) ?? []).sort();
    assert.deepEqual(places(texts.ja[key]), places(texts.en[key]), key);
  }
  assert.equal(t("refreshEvery", "5 s"), "Every 5 s");
});

test("amounts of data and spans of time as text", () => {
  assert.equal(bytes(999, "en"), "999 byte");
  assert.equal(bytes(48_000, "en"), "48 kB");
  assert.equal(bytes(1_250_000_000, "en"), "1.3 GB");
  assert.deepEqual([500, 59_000, 61_000, 7_260_000].map(duration), ["0.5 s", "59 s", "1 min 1 s", "2 h 1 min"]);
});

test("an event of a session says what it is", () => {
  const of = (type, sub_type, more) => summary({ _index: "i", _id: "1", _source: { panw: { panos: { type, sub_type, action: "alert", ...more } }, url: { original: "x.example/" }, network: { application: "ssl" } } });
  assert.deepEqual(of("THREAT", "url", { url: { category: "games" } }), { what: "THREAT url", text: "x.example/ · games", action: "alert", isBad: false });
  assert.deepEqual(of("THREAT", "virus", { threat: { name: "Eicar", id: "1" }, severity: "high" }), { what: "THREAT virus", text: "Eicar · 1 · high", action: "alert", isBad: true });
  assert.equal(of("TRAFFIC", "end", { endreason: "tcp-fin" }).text, "ssl · tcp-fin");
});
