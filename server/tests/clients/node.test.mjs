// The official Node clients of Elasticsearch 8 and 9 and of OpenSearch, with their helpers. Where they are installed and where the
// server is say NODE_CLIENTS and SEKISHO_URL; test_node.py runs this.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(`${process.env.NODE_CLIENTS}/`);
const node = process.env.SEKISHO_URL;
const documents = Array.from({ length: 250 }, (_, n) => ({ n, parity: n % 2 ? "odd" : "even", "@timestamp": new Date(1.7e12 + n * 1000).toISOString() }));

for (const name of ["elasticsearch-8", "elasticsearch-9"]) {
  test(`${name}: documents, searches and helpers`, async () => {
    const { Client, errors } = require(name);
    const client = new Client({ node });
    const index = `node-${name}`;
    assert.equal((await client.info()).tagline, "You Know, for Search");
    const made = await client.indices.create({ index, mappings: { properties: { parity: { type: "keyword" } } } });
    assert.equal(made.acknowledged, true);
    const done = await client.helpers.bulk({ datasource: documents, onDocument: (it) => ({ index: { _index: index, _id: String(it.n) } }), refreshOnCompletion: index });
    assert.deepEqual([done.total, done.successful, done.failed], [250, 250, 0]);
    const body = { index, size: 3, sort: [{ n: "desc" }], query: { term: { parity: "even" } }, aggs: { by: { terms: { field: "parity" } } } };
    const found = await client.search(body);
    assert.deepEqual(found.hits.hits.map((it) => it._source.n), [248, 246, 244]);
    assert.deepEqual(found.aggregations.by.buckets, [{ key: "even", doc_count: 125 }]);
    const scrolled = [];
    for await (const it of client.helpers.scrollDocuments({ index, size: 40, query: { match_all: {} } })) scrolled.push(it.n);
    assert.deepEqual(scrolled.sort((a, b) => a - b), documents.map((it) => it.n));
    assert.equal((await client.helpers.search({ index, query: { range: { n: { lt: 5 } } } })).length, 5);
    const many = client.helpers.msearch();
    const answers = await Promise.all([0, 1].map((n) => many.search({ index }, { query: { term: { n } } })));
    assert.deepEqual(answers.map((it) => it.documents[0].n), [0, 1]);
    many.stop();
    await client.update({ index, id: "7", doc: { seen: true }, refresh: true });
    assert.equal((await client.get({ index, id: "7" }))._source.seen, true);
    const pit = await client.openPointInTime({ index, keep_alive: "1m" });
    const page = await client.search({ pit: { id: pit.id, keep_alive: "1m" }, size: 2, sort: [{ n: "asc" }], search_after: [9] });
    assert.deepEqual(page.hits.hits.map((it) => it._source.n), [10, 11]);
    await client.closePointInTime({ id: page.pit_id ?? pit.id });
    await assert.rejects(client.get({ index, id: "none" }), (error) => error instanceof errors.ResponseError && error.statusCode === 404);
    await assert.rejects(client.search({ index: "missing" }), (error) => error.body.error.type === "index_not_found_exception");
    assert.equal(await client.indices.exists({ index: "missing" }), false);
    assert.equal((await client.deleteByQuery({ index, query: { term: { parity: "odd" } }, refresh: true })).deleted, 125);
    assert.equal((await client.count({ index })).count, 125);
    assert.ok((await client.cat.indices({ format: "json" })).some((it) => it.index === index));
    await client.close();
  });
}

test("opensearch: documents, searches and helpers", async () => {
  const { Client } = require("opensearch");
  const client = new Client({ node });
  const index = "node-opensearch";
  await client.indices.create({ index, body: { mappings: { properties: { parity: { type: "keyword" } } } } });
  const done = await client.helpers.bulk({ datasource: documents, onDocument: (it) => ({ index: { _index: index, _id: String(it.n) } }), refreshOnCompletion: index });
  assert.deepEqual([done.total, done.successful, done.failed], [250, 250, 0]);
  const found = await client.search({ index, body: { size: 2, sort: [{ n: "desc" }], query: { term: { parity: "odd" } } } });
  assert.deepEqual(found.body.hits.hits.map((it) => it._source.n), [249, 247]);
  let count = 0;
  for await (const _ of client.helpers.scrollDocuments({ index, body: { size: 40, query: { match_all: {} } } })) count += 1;
  assert.equal(count, 250);
  const health = await client.cluster.health({ level: "indices" });
  assert.equal(health.body.indices[index].status, "green");
  await client.close();
});
