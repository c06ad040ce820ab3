// Pure functions of the dashboard, without a browser: scales, formats, state in the URL, query bodies, both languages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { layout } from "../.compiled/chart.js";
import { flatten, valuesAt } from "../.compiled/documents.js";
import { longNumbersAsText } from "../.compiled/api.js";
import { clamp, COLUMNS, moved, nextSort, readWidths, split, toggled } from "../.compiled/discover/columns.js";
import { rowsInView } from "../.compiled/discover/rows.js";
import { seriesOf as barsOf } from "../.compiled/discover/histogram.js";
import { readHistory, withAsked } from "../.compiled/discover/history.js";
import { Paging } from "../.compiled/discover/paging.js";
import { order } from "../.compiled/discover/question.js";
import { chunk, exported, header } from "../.compiled/discover/export.js";
import { kept } from "../.compiled/discover/saved.js";
import { fixed } from "../.compiled/discover/share_menu.js";
import { address, NOTHING, ROWS_MAX, withArrived } from "../.compiled/discover/tail.js";
import { own, t as ofDiscover } from "../.compiled/discover/texts.js";
import { placeOf, ranked, taken, written } from "../.compiled/discover/suggest.js";
import { aroundBody } from "../.compiled/discover/surrounding.js";
import { typed } from "../.compiled/filter_bar.js";
import { ago, bytes, change, csv, duration, heat, interval, niceTop, percent, rebin, tick, time } from "../.compiled/format.js";
import { t, texts } from "../.compiled/i18n.js";
import { seriesOf } from "../.compiled/kinds/over_time.js";
import { spark } from "../.compiled/kinds/figures.js";
import { matrix } from "../.compiled/kinds/pairs.js";
import { DASHBOARDS } from "../.compiled/panels/index.js";
import { BLOCKS, discover, eventsOf, scoped, timeFilter } from "../.compiled/queries.js";
import { before, bounds, DEFAULTS, is, isNot, parse, print } from "../.compiled/state.js";
import { verdict } from "../.compiled/tones.js";
import { changes } from "../.compiled/pages/pipelines.js";
import { growth, rows } from "../.compiled/pages/data.js";
import { lanes } from "../.compiled/lanes.js";
import { month, monthName, namesOf, questions, tables } from "../.compiled/report.js";
import { lost, numbersAsText, problems } from "../.compiled/sources.js";
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
  const state = { ...DEFAULTS, page: "discover", time: "1000..2000", query: "a:b & c#d", syntax: "lucene", sort: "source.bytes:asc", by: "rule.name", event: ".ds-panos-url-2026.11.23-000001/a_b-c", item: "fw 1&2", filters: [isNot("url.original", "x.example/?a=1&b=\"<script>\":2"), is("source.ip", "::1"), is("panw.panos.action", "a,b", "c|d"), is("rule.name", "[x]"), is("rule.name", "[\"x\"]"), { field: "user.name", values: ["*a*"], out: false, like: true }, is("x", "a\nb"), { ...isNot("y", "1"), off: true }], columns: ["a.b", "c"], every: 0 };
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
  const state = { ...DEFAULTS, time: "all", query: "x", filters: [is("a", "1"), isNot("b", "*"), is("c", "1", "2"), { field: "d", values: ["x*"], out: true, like: true }, { ...is("e", "1"), off: true }] };
  assert.deepEqual(discover({ ...state, syntax: "lucene" }, 0).bool.filter[0], { query_string: { query: "x", default_operator: "AND", lenient: true } });
  assert.deepEqual(discover(state, 0), { bool: { filter: [{ kql: { query: "x" } }, { term: { a: "1" } }, { terms: { c: ["1", "2"] } }], must_not: [{ exists: { field: "b" } }, { wildcard: { d: { value: "x*", case_insensitive: true } } }] } });
});

test("a panel's link to Discover asks what the panel asks", () => {
  for (const dashboard of DASHBOARDS) {
    for (const panel of dashboard.panels.filter((it) => it.scope)) {
      const state = { ...DEFAULTS, page: dashboard.id, time: "5..9", query: "x", filters: [is("observer.ingress.zone", "Untrust"), isNot("source.ip", "::1")] };
      const there = parse(eventsOf(state, panel.scope));
      assert.equal(there.page, "discover");
      assert.equal(there.stream, panel.scope.stream);
      assert.deepEqual(discover(there, 0), scoped(state, panel.scope, 0), panel.id);
      const asked = panel.queries(state, 0);
      assert.ok(asked.some((it) => JSON.stringify(it.body.query) === JSON.stringify(discover(there, 0))), panel.id);
    }
  }
});

test("a mark's filter takes the place of the panel's wider one", () => {
  const scope = { stream: "panos-url", filters: [is("panw.panos.action", ...BLOCKS)] };
  assert.deepEqual(parse(eventsOf(DEFAULTS, scope, [is("panw.panos.action", "block-url")])).filters, [is("panw.panos.action", "block-url")]);
  assert.deepEqual(parse(eventsOf(DEFAULTS, scope, [is("url.domain", "x")])).filters, [...scope.filters, is("url.domain", "x")]);
});

test("panels of a page have names of their own", () => {
  for (const it of DASHBOARDS) assert.equal(new Set(it.panels.map((panel) => panel.id)).size, it.panels.length, it.id);
});

test("what is typed in a filter becomes values or a pattern", () => {
  assert.deepEqual(typed("a", " x , y "), is("a", "x", "y"));
  assert.deepEqual(typed("a", "x*"), { field: "a", values: ["x*"], out: false, like: true });
  assert.deepEqual(typed("a", "*"), is("a", "*"));
  assert.equal(typed("a", " , "), undefined);
});

test("the period before has the same length", () => {
  assert.equal(before("1h", 10_000_000), "2800000..6400000");
  assert.equal(before("100..150", 0), "50..100");
  assert.equal(before("all", 0), undefined);
});

test("changes are said with their sign, and the absurd ones shortly", () => {
  assert.equal(change(150, 100, "en"), "+50%");
  assert.equal(change(99, 100, "en"), "-1%");
  assert.equal(change(100, 100, "en"), "0%");
  assert.equal(change(5_000, 100, "en"), "> ×10");
  assert.equal(change(1, 0, "en"), undefined);
});

test("a chart covers the chosen time, and is coarser where the data reaches further", () => {
  const one = (at) => [{ name: "a", tone: "turn-0", points: new Map([[at, 1]]) }];
  assert.deepEqual(layout({ step: 10, from: 5, to: 95 }, one(40)), { first: 0, step: 10, count: 10 });
  assert.equal(layout({ step: 10 }, []), undefined);
  const wide = layout({ step: 10 }, [...one(0), ...one(100_000)]);
  assert.ok(wide.count <= 240 && wide.first === 0 && wide.step % 10 === 0, JSON.stringify(wide));
  assert.deepEqual([...rebin(new Map([[0, 1], [10, 2], [20, 4]]), 20)], [[0, 3], [20, 4]]);
});

test("a course starts and ends at the edges of its box", () => {
  assert.equal(spark(new Map([[0, 1], [20, 2]]), 0, 10, 3), "M0.0 12.0L50.0 23.0L100.0 1.0");
});

test("cells that a spreadsheet would run are defused, all others are as they are", () => {
  assert.equal(csv([["a", 1], ["=1+1", -5], ["x\"y,z", 2], ["-10.0", 3], ["@SUM", 4], ["\tx", 5]]), "a,1\r\n'=1+1,-5\r\n\"x\"\"y,z\",2\r\n'-10.0,3\r\n'@SUM,4\r\n'\tx,5\r\n");
});

test("actions are added up by what they did", () => {
  assert.deepEqual(["reset-both", "sinkhole", "alert", "allow", "strange"].map(verdict), ["blocked", "blocked", "passed", "passed", "other"]);
  const bucket = (key, at, count) => ({ key, doc_count: count, over_time: { buckets: [{ key: at, doc_count: count }] } });
  const answer = { hits: { hits: [] }, aggregations: { by: { buckets: [bucket("drop", 0, 1), bucket("deny", 0, 2), bucket("allow", 10, 4)] } } };
  const series = seriesOf(answer, { id: "x", title: "events", scope: { stream: "x", filters: [] }, by: "verdict" });
  assert.deepEqual(series.map((it) => [it.tone, [...it.points]]), [["blocked", [[0, 3]]], ["passed", [[10, 4]]]]);
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
  for (const { en, ja } of [texts, own]) {
    assert.deepEqual(Object.keys(ja).sort(), Object.keys(en).sort());
    for (const key of Object.keys(en)) {
      const places = (text) => (text.match(/\{\d\}/g) ?? []).sort();
      assert.deepEqual(places(ja[key]), places(en[key]), key);
    }
  }
  assert.equal(t("refreshEvery", "5 s"), "Every 5 s");
  assert.deepEqual([ofDiscover("refreshEvery", "5 s"), ofDiscover("asking", "3")], ["Every 5 s", "Searching … 3 s"]);
});

test("amounts of data and spans of time as text", () => {
  assert.equal(bytes(999, "en"), "999 B");
  assert.equal(bytes(48_000, "en"), "48 KB");
  assert.equal(bytes(1_250_000_000, "en"), "1.3 GB");
  assert.deepEqual([500, 59_000, 61_000, 7_260_000].map(duration), ["0.5 s", "59 s", "1 min 1 s", "2 h 1 min"]);
});

test("a conversation's lanes hold every event once, in time, and neighbours share a mark", () => {
  const event = (id, at, type, subtype = "") => ({ _index: "i", _id: id, _source: { "@timestamp": new Date(at).toISOString(), panw: { panos: { type, sub_type: subtype } } } });
  const events = [event("a", 1000, "TRAFFIC", "start"), event("b", 2000, "THREAT", "url"), event("c", 2001, "THREAT", "url"), event("d", 6000, "THREAT", "virus"), event("e", 11_000, "TRAFFIC", "end")];
  const it = lanes({ start: new Date(1000).toISOString(), end: new Date(11_000).toISOString(), events });
  assert.deepEqual(it.lanes.map((lane) => [lane.kind, lane.marks.map((mark) => [mark.x, mark.events.map((each) => each._id).join("")])]), [["TRAFFIC", [[0, "a"], [1, "e"]]], ["THREAT", [[0.5, "d"]]], ["URL", [[0.1, "bc"]]]]);
  assert.deepEqual(it.bar, { x: 0, width: 1 });
  // A line may be stamped before the session's start, and a session may be over within its second.
  assert.deepEqual(lanes({ start: new Date(1000).toISOString(), end: new Date(1000).toISOString(), events: [event("a", 1000, "TRAFFIC")] }).bar, { x: 0, width: 0 });
  assert.equal(lanes({ start: new Date(2000).toISOString(), end: new Date(2000).toISOString(), events: [event("a", 1000, "THREAT")] }).bar.x, 1);
});

test("an event of a session says what it is", () => {
  const of = (type, sub_type, more) => summary({ _index: "i", _id: "1", _source: { panw: { panos: { type, sub_type, action: "alert", ...more } }, url: { original: "x.example/" }, network: { application: "ssl" } } });
  assert.deepEqual(of("THREAT", "url", { url: { category: "games" } }), { what: "THREAT url", text: "x.example/ · games", action: "alert", isBad: false });
  assert.deepEqual(of("THREAT", "virus", { threat: { name: "Eicar", id: "1" }, severity: "high" }), { what: "THREAT virus", text: "Eicar · 1 · high", action: "alert", isBad: true });
  assert.equal(of("TRAFFIC", "end", { endreason: "tcp-fin" }).text, "ssl · tcp-fin");
});

test("a source's problems are told", () => {
  const well = { last_seen: "2026-11-23T18:00:00Z", clock_skew_ms: -28, unparsed: {}, truncated: 0, missing: 0 };
  const now = Date.parse("2026-11-23T18:05:00Z");
  assert.deepEqual(problems(well, now), []);
  assert.deepEqual(problems({ ...well, missing: 1, clock_skew_ms: 3_600_000, unparsed: { x: 2 }, truncated: 3 }, now + 3_600_000), ["missing", "silent", "skewed", "unparsed", "truncated"]);
  assert.equal(lost({ since_start: { lines_lost: 2, udp: [{ dropped: 3 }, { dropped: 4 }] } }), 9);
  assert.equal(ago(7_260_000, "en"), "2 hr. ago");
});

test("log numbers keep all of their 64 bits", () => {
  assert.equal(JSON.parse(numbersAsText('{"newest":7663194895653437499,"missing":3}')).newest, "7663194895653437499");
});

test("streams are the sum of their indices, and lone indices stand for themselves", () => {
  const streams = [{ name: "s", indices: [{ index_name: "a" }, { index_name: "b" }] }];
  const found = rows(streams, [{ index: "a", docs: 1, size: 10 }, { index: "b", docs: 2, size: 20 }, { index: "c", docs: 4, size: 5 }], new Map([["s", { oldest: 7 }]]));
  assert.deepEqual(found.map((it) => [it.name, it.indices, it.docs, it.size, it.oldest]), [["s", 2, 3, 30, 7], ["c", 1, 4, 5, undefined]]);
  assert.equal(growth(70, 100, 1_000, 7), 100);
});

test("what rules changed is found field by field", () => {
  assert.deepEqual(changes({ a: 1, b: { c: "x" } }, { a: 1, b: { c: "y" }, d: ["z"] }), [{ field: "b.c", before: "x", after: "y" }, { field: "d", before: "", after: "z" }]);
});

test("months have their bounds and neighbours", () => {
  assert.deepEqual(month("2026-12", true), { from: Date.UTC(2026, 11), to: Date.UTC(2027, 0) });
  assert.equal(month("2026-13", true), undefined);
  assert.equal(month("", true), undefined);
  assert.equal(monthName(Date.UTC(2026, 0, 15), -1, true), "2025-12");
  assert.equal(monthName(Date.UTC(2026, 0, 15), 12, true), "2027-01");
});

test("a report compares each row with the same one of the month before", () => {
  const zones = { from: "Untrust", to: "DMZ" };
  const answers = questions(zones, "5..9").map((_, at) => ({ hits: { total: { value: 9 } }, aggregations: { rows: { buckets: [{ key: `k${at}`, doc_count: 4 }] } } }));
  const names = namesOf(answers);
  const before = questions(zones, "1..5", names);
  assert.deepEqual(Object.keys(before[1].body.aggs.rows.filters.filters), ["k1"]);
  const earlier = before.map((it) => ({ hits: { total: { value: 3 } }, aggregations: { rows: { buckets: Object.fromEntries(Object.keys(it.body.aggs.rows.filters.filters).map((key) => [key, { doc_count: 2 }])) } } }));
  assert.deepEqual(tables(answers, earlier).resetsByThreat, { total: 9, before: 3, rows: [{ value: "k1", count: 4, before: 2 }] });
});

/** A source of pages that answers as it is told, and the pages that were asked. */
function pagesOf(answers) {
  const log = [];
  const source = {
    open: async () => (log.push("open"), "pit"),
    page: async (_, after, signal) => {
      log.push(`after ${JSON.stringify(after)}`);
      const next = answers.shift();
      if (next === "never") return new Promise((_, failed) => signal.addEventListener("abort", () => failed(new Error("aborted"))));
      if (next instanceof Error) throw next;
      return { hits: { total: { value: 3, relation: "eq" }, hits: next.map((it) => ({ _index: "i", _id: it, _source: {}, sort: [it] })) }, _shards: { total: 1, failed: 0 } };
    },
    close: () => log.push("close"),
  };
  return { source, log };
}

test("pages follow one another in one point in time, and a failed one is asked again where it was", async () => {
  const { source, log } = pagesOf([["a", "b"], new Error("gone away"), ["c"]]);
  const phases = [];
  const paging = new Paging(source, (it) => phases.push(it.phase));
  await paging.more();
  await paging.more();
  assert.equal(paging.message, "gone away");
  assert.deepEqual(paging.hits.map((it) => it._id), ["a", "b"], "what is there stays");
  await paging.more();
  assert.deepEqual(paging.hits.map((it) => it._id), ["a", "b", "c"]);
  await paging.more();
  paging.close();
  assert.deepEqual(log, ["open", "after undefined", 'after ["b"]', 'after ["b"]', "close"]);
  assert.deepEqual(phases, ["asking", "idle", "asking", "failed", "asking", "end"]);
});

test("a page is cancelled and asked again; a closed list asks nothing more", async () => {
  const { source, log } = pagesOf(["never", ["a"], "never"]);
  const paging = new Paging(source, () => undefined);
  const first = paging.more();
  await Promise.resolve();
  paging.cancel();
  await first;
  assert.equal(paging.phase, "cancelled");
  await paging.more();
  assert.equal(paging.phase, "idle");
  void paging.more();
  paging.close();
  await paging.more();
  assert.equal(log.filter((it) => it.startsWith("after")).length, 3);
});

test("a point in time that the server let go of ends the list", async () => {
  const { source } = pagesOf([["a"], Object.assign(new Error("No search context found"), { kind: "search_context_missing_exception" })]);
  const paging = new Paging(source, () => undefined);
  await paging.more();
  await paging.more();
  assert.equal(paging.phase, "gone");
});

test("columns are toggled, moved, widened and sorted by", () => {
  assert.deepEqual(toggled([], COLUMNS[0]), COLUMNS.slice(1));
  assert.deepEqual(toggled(["a"], "b"), ["a", "b"]);
  assert.deepEqual(moved(["a", "b", "c"], "a", 2), ["b", "c", "a"]);
  assert.deepEqual(moved(["a", "b", "c"], "c", -1), ["c", "a", "b"]);
  assert.deepEqual(moved(["a"], "x", 0), ["a"]);
  assert.equal(clamp(3), 60);
  assert.deepEqual(readWidths('{"a": 99999, "b": "x", "c": 100.4}'), { a: 1200, c: 100 });
  assert.deepEqual(readWidths("nonsense"), {});
  assert.deepEqual(["", "a:desc", "a:asc"].map((it) => nextSort(it, "a")), ["a:desc", "a:asc", ""]);
  assert.deepEqual(["", "@timestamp:asc"].map((it) => nextSort(it, "@timestamp")), ["@timestamp:asc", ""]);
  assert.deepEqual(split("a.b:asc"), ["a.b", "asc"]);
  assert.deepEqual(order("source.bytes:asc").map((it) => Object.keys(it)[0]), ["source.bytes", "@timestamp", "_shard_doc"]);
});

test("only rows near the view are drawn", () => {
  assert.deepEqual(rowsInView(0, 600, 10_000), { from: 0, to: 35 });
  assert.deepEqual(rowsInView(3_000, 600, 10_000), { from: 85, to: 135 });
  assert.deepEqual(rowsInView(3_000, 600, 10), { from: 0, to: 10 });
});

test("the query bar knows what is being typed and puts the choice there", () => {
  assert.deepEqual(placeOf("sou", 3), { kind: "field", text: "sou", start: 0 });
  assert.deepEqual(placeOf("a: 1 and de", 11), { kind: "field", text: "de", start: 9 });
  assert.deepEqual(placeOf("rule.name: al", 13), { kind: "value", field: "rule.name", text: "al", start: 11 });
  assert.deepEqual(placeOf('rule.name: "Web b', 17), { kind: "value", field: "rule.name", text: "Web b", start: 11 });
  assert.equal(placeOf('"free tex', 9), undefined);
  const grouped = (text) => placeOf(text, text.length);
  assert.deepEqual(grouped('a.b: (x or "y z" or al'), { kind: "value", field: "a.b", text: "al", start: 20 });
  assert.deepEqual(grouped("a.b:("), { kind: "value", field: "a.b", text: "", start: 5 });
  assert.equal(grouped("a.b: (x ").kind, "field");
  assert.deepEqual(grouped("a.b: (x or y) and c"), { kind: "field", text: "c", start: 18 });
  assert.equal(written("a b\"c"), '"a b\\"c"');
  assert.equal(written("and"), '"and"');
  assert.deepEqual(taken("sou and x: 1", 3, placeOf("sou", 3), "source.ip", "kql"), { text: "source.ip:  and x: 1", caret: 11 });
  assert.deepEqual(taken("so: 1", 2, placeOf("so", 2), "source.ip", "kql"), { text: "source.ip: 1", caret: 9 });
  const text = 'rule.name: "We';
  assert.deepEqual(taken(text, text.length, placeOf(text, text.length), "Web browsing", "kql"), { text: 'rule.name: "Web browsing" ', caret: 26 });
  assert.deepEqual(ranked(["destination.ip", "source.ip", "source.nat.ip", "x"], "ip", 9), ["destination.ip", "source.ip", "source.nat.ip"]);
  assert.deepEqual(ranked(["my.source", "source.ip"], "sou", 1), ["source.ip"]);
});

test("the history has each query once, the newest first, and survives what it did not write", () => {
  const one = { query: "a", syntax: "kql" };
  const two = { query: "b", syntax: "lucene" };
  assert.deepEqual(withAsked([one, two], two), [two, one]);
  assert.deepEqual(withAsked([one], { query: "  ", syntax: "kql" }), [one]);
  assert.deepEqual(readHistory('[{"query": "a", "syntax": "kql"}, {"query": 1}, null, {"query": "x", "syntax": "sql"}]'), [one]);
  assert.deepEqual(readHistory("{"), []);
});

test("a broken-down histogram adds up to the whole", () => {
  const over = (buckets) => ({ buckets: buckets.map(([key, doc_count]) => ({ key, doc_count })) });
  const answer = { aggregations: { over_time: over([[0, 5], [10, 2]]), by: { buckets: [{ key: "x", over_time: over([[0, 3]]) }, { key: "y", over_time: over([[10, 2]]) }] } } };
  const names = { all: "all", rest: "rest" };
  assert.deepEqual(barsOf(answer, "f", names).map((it) => [it.name, [...it.points]]), [["x", [[0, 3]]], ["y", [[10, 2]]], ["rest", [[0, 2]]]]);
  assert.deepEqual(barsOf(answer, "", names).map((it) => [...it.points]), [[[0, 5], [10, 2]]]);
});

test("events up to a moment and after it leave none out", () => {
  assert.deepEqual(aroundBody(5, [], "before", 3).query.bool.filter, [{ range: { "@timestamp": { lte: 5, format: "epoch_millis" } } }]);
  assert.deepEqual(aroundBody(5, [], "after", 3).query.bool.filter, [{ range: { "@timestamp": { gt: 5, format: "epoch_millis" } } }]);
});

test("numbers of 64 bits are read as text, digits inside of texts stay as they are", () => {
  const json = String.raw`{"a":7663306753781599707,"b":"x\",12345678901234567890,"","c":-9223372036854775808,"d":1.2345678901234567,"e":123}`;
  assert.deepEqual(JSON.parse(longNumbersAsText(String.raw`{"a":7663306753781599707,"b":"x\",12345678901234567890,","c":-9223372036854775808,"d":1.2345678901234567,"e":123}`)), { a: "7663306753781599707", b: 'x",12345678901234567890,', c: "-9223372036854775808", d: 1.2345678901234567, e: 123 });
});

const hit = (id, source) => ({ _index: "i", _id: id, _source: source });

test("an export has every page, a header, cells that are no formulas, and says how far it is", async () => {
  const { source, log } = pagesOf([["a", "b"], ["c"]]);
  const seen = [];
  const done = await exported(source, { format: "csv", columns: ["_id"], hasBom: true }, new AbortController().signal, (rows, total) => seen.push([rows, total]));
  assert.equal(done.parts.join(""), "\uFEFF_id\r\na\r\nb\r\nc\r\n");
  assert.deepEqual(seen, [[2, 3], [3, 3]]);
  assert.deepEqual(log.at(-1), "close");
  assert.equal(header(["@timestamp", "a.b", "=x", "y,z"]), "@timestamp,a.b,'=x,\"y,z\"\r\n");
  const columns = ["n", "t", "list"];
  assert.equal(chunk([hit("1", { n: -5, t: "=cmd|'/c calc'!A0", list: ["x", "y,z"] }), hit("2", { t: "-1+1" })], { format: "csv", columns, hasBom: false }), "-5,'=cmd|'/c calc'!A0,\"x, y,z\"\r\n,'-1+1,\r\n");
  assert.equal(chunk([hit("1", { a: "\n" })], { format: "ndjson", columns: [], hasBom: false }), '{"_index":"i","_id":"1","_source":{"a":"\\n"}}\n');
});

test("an export that is cancelled or fails is no file, and lets go of its point in time", async () => {
  const abort = new AbortController();
  const { source, log } = pagesOf([["a"], "never"]);
  await assert.rejects(exported(source, { format: "ndjson", columns: [], hasBom: false }, abort.signal, () => queueMicrotask(() => abort.abort())));
  assert.equal(log.at(-1), "close");
  const failing = pagesOf([["a"], new Error("gone away")]);
  await assert.rejects(exported(failing.source, { format: "ndjson", columns: [], hasBom: false }, new AbortController().signal, () => undefined), /gone away/);
  assert.equal(failing.log.at(-1), "close");
});

test("what is saved is the question, and a link with fixed times keeps its events", () => {
  const state = { ...DEFAULTS, page: "discover", time: "1h", query: "x", event: "i/1", every: 5 };
  assert.deepEqual(parse(kept(state)), { ...DEFAULTS, page: "discover", time: "1h", query: "x" });
  assert.equal(fixed(state, 10_000_000).time, "6400000..10000000");
  assert.equal(fixed({ ...state, time: "all" }, 5).time, "all");
});

test("what arrives is on top, once, and the rows stay few", () => {
  const one = withArrived(NOTHING, [hit("1"), hit("2")], false);
  const two = withArrived(one, [hit("2"), hit("3")], true);
  assert.deepEqual([two.rows.map((it) => it._id), two.count, two.isPartial], [["3", "2", "1"], 3, true]);
  const many = withArrived(two, Array.from({ length: ROWS_MAX + 5 }, (_, at) => hit(`m${at}`)), false);
  assert.deepEqual([many.rows.length, many.rows[0]._id], [ROWS_MAX, `m${ROWS_MAX + 4}`]);
});

test("a tail asks for the query and filters, and for no time", () => {
  const at = new URL(address({ ...DEFAULTS, time: "1h", query: "a: 1", filters: [is("b", "2")], columns: ["c"] }), "http://x");
  assert.deepEqual(JSON.parse(at.searchParams.get("query")), { bool: { filter: [{ kql: { query: "a: 1" } }, { term: { b: "2" } }] } });
  assert.equal(at.searchParams.get("_source_includes"), "@timestamp,c");
});
