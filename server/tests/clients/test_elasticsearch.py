"""The official Elasticsearch client, version 8 and 9: what programs do with it."""

import pytest
from elasticsearch import BadRequestError, ConflictError, Elasticsearch, NotFoundError, helpers

INDEX = "notes"
MAPPINGS = {
    "properties": {
        "n": {"type": "integer"},
        "text": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "at": {"type": "date"},
        "ip": {"type": "ip"},
    }
}


@pytest.fixture(scope="module")
def client(server):
    client = Elasticsearch(server)
    client.indices.create(index=INDEX, mappings=MAPPINGS, settings={"number_of_shards": 1, "number_of_replicas": 0})
    documents = ({"_index": INDEX, "_id": str(n), "n": n, "text": f"hello world {n}", "at": f"2026-11-20T{n % 24:02}:00:00Z", "ip": f"10.0.0.{n % 250}"} for n in range(3000))
    assert helpers.bulk(client, documents) == (3000, [])
    client.indices.refresh(index=INDEX)
    return client


def test_the_product_is_accepted(client):
    assert client.ping()
    assert client.info()["tagline"] == "You Know, for Search"


def test_bulk_helpers_write_everything_and_tell_what_failed(client):
    ok = [it for it, _ in helpers.streaming_bulk(client, ({"_op_type": "create", "_index": "stream", "n": n} for n in range(500)))]
    assert ok == [True] * 500
    assert sum(it for it, _ in helpers.parallel_bulk(client, ({"_index": "stream", "n": n} for n in range(500)))) == 500
    client.indices.refresh(index="stream")
    assert client.count(index="stream")["count"] == 1000
    actions = [{"_op_type": "create", "_index": INDEX, "_id": "1", "n": 1}, {"_index": INDEX, "_id": "bad", "n": "no number"}]
    count, errors = helpers.bulk(client, actions, raise_on_error=False)
    assert count == 0 and [list(it.values())[0]["status"] for it in errors] == [409, 400]


def test_scan_gives_everything_once(client):
    found = [it["_id"] for it in helpers.scan(client, index=INDEX, size=700)]
    assert len(found) == len(set(found)) == 3000
    ordered = helpers.scan(client, index=INDEX, query={"sort": ["n"]}, preserve_order=True)
    assert [it["_source"]["n"] for it in ordered] == list(range(3000))


def test_documents_by_id(client):
    assert client.get(index=INDEX, id="5")["_source"]["n"] == 5
    assert client.get_source(index=INDEX, id="5")["n"] == 5
    assert [it["found"] for it in client.mget(index=INDEX, ids=["1", "none"])["docs"]] == [True, False]
    assert client.exists(index=INDEX, id="5") and not client.exists(index=INDEX, id="none")
    with pytest.raises(NotFoundError):
        client.get(index=INDEX, id="none")
    with pytest.raises(ConflictError):
        client.create(index=INDEX, id="5", document={"n": 1})
    assert client.update(index=INDEX, id="new", doc={"n": 7}, doc_as_upsert=True)["result"] == "created"
    written = client.update(index=INDEX, id="new", doc={"n": 8})
    assert (written["result"], written["_version"]) == ("updated", 2)
    with pytest.raises(ConflictError):
        client.index(index=INDEX, id="new", document={"n": 9}, if_seq_no=written["_seq_no"] + 1000, if_primary_term=1)
    assert client.delete(index=INDEX, id="new", refresh=True)["result"] == "deleted"


def test_searches(client):
    found = client.search(index=INDEX, query={"match": {"text": "hello"}}, size=3, sort=[{"n": "desc"}], source=["n"], track_total_hits=True)
    assert found["hits"]["total"] == {"value": 3000, "relation": "eq"}
    assert [it["_source"] for it in found["hits"]["hits"]] == [{"n": 2999}, {"n": 2998}, {"n": 2997}]
    assert client.search(index=INDEX, q="n:[10 TO 12]", filter_path="hits.total") == {"hits": {"total": {"value": 3, "relation": "eq"}}}
    several = client.msearch(searches=[{"index": INDEX}, {"query": {"match_all": {}}, "size": 0}, {"index": "nothing"}, {}])["responses"]
    assert [it["status"] for it in several] == [200, 404]
    with pytest.raises(BadRequestError) as refused:
        client.search(index=INDEX, query={"nonsense": {}})
    assert refused.value.error == "parsing_exception"


def test_aggregations_and_pipelines(client):
    hours = {"date_histogram": {"field": "at", "calendar_interval": "hour"}, "aggs": {"most": {"max": {"field": "n"}}, "sum": {"cumulative_sum": {"buckets_path": "_count"}}}}
    found = client.search(index=INDEX, size=0, aggs={"hours": hours, "best": {"max_bucket": {"buckets_path": "hours>most"}}})["aggregations"]
    assert len(found["hours"]["buckets"]) == 24 and found["hours"]["buckets"][-1]["sum"]["value"] == 3000
    assert found["best"] == {"value": 2999.0, "keys": ["2026-11-20T23:00:00.000Z"]}


def test_a_point_in_time_is_paged_through(client):
    pit = client.open_point_in_time(index=INDEX, keep_alive="1m")["id"]
    found, after = [], {}
    while True:
        page = client.search(pit={"id": pit, "keep_alive": "1m"}, size=900, sort=[{"at": "asc"}], **after)["hits"]["hits"]
        if not page:
            break
        found += [it["_id"] for it in page]
        after = {"search_after": page[-1]["sort"]}
    assert len(found) == len(set(found)) == 3000
    assert client.close_point_in_time(id=pit)["num_freed"] == 1


def test_indices_aliases_templates_and_streams(client):
    assert client.indices.get_mapping(index=INDEX)[INDEX]["mappings"]["properties"]["n"] == {"type": "integer"}
    client.indices.put_mapping(index=INDEX, properties={"more": {"type": "keyword"}})
    assert "text.raw" in client.field_caps(index=INDEX, fields="*")["fields"]
    client.indices.put_settings(index=INDEX, settings={"refresh_interval": "5s"})
    client.indices.put_alias(index=INDEX, name="other-name")
    assert client.count(index="other-name")["count"] == 3000
    template = {"mappings": {"properties": {"@timestamp": {"type": "date"}}}}
    client.indices.put_index_template(name="events", index_patterns=["events-*"], data_stream={}, template=template, priority=500)
    assert client.index(index="events-1", document={"@timestamp": "2026-11-20T00:00:00Z"}, op_type="create")["result"] == "created"
    assert client.indices.get_data_stream(name="events-1")["data_streams"][0]["generation"] == 1
    assert client.indices.rollover(alias="events-1")["rolled_over"]
    client.indices.delete_data_stream(name="events-1")
    client.indices.close(index="stream")
    client.indices.open(index="stream")


def test_by_query_and_reindex(client):
    assert client.reindex(source={"index": INDEX}, dest={"index": "copy"}, refresh=True)["created"] == 3000
    assert client.delete_by_query(index="copy", query={"range": {"n": {"gte": 2990}}}, refresh=True)["deleted"] == 10
    assert client.update_by_query(index="copy", query={"term": {"n": 1}}, refresh=True)["updated"] == 1


def test_what_administrators_look_at(client):
    assert client.cluster.health()["status"] in ("green", "yellow")
    assert INDEX in [it["index"] for it in client.cat.indices(format="json")]
    assert len(client.cat.nodes(format="json")) == 1
    for answer in [client.cluster.stats(), client.cluster.state(), client.nodes.info(), client.nodes.stats(), client.indices.stats(index=INDEX)]:
        assert answer["cluster_name"] if "cluster_name" in answer else answer["_all"]
    assert INDEX in [it["name"] for it in client.indices.resolve_index(name="*")["indices"]]


def test_the_first_question_of_the_mission(client):
    zones = [{"term": {"observer.ingress.zone": "Untrust"}}, {"term": {"observer.egress.zone": "DMZ"}}]
    reset = {"terms": {"panw.panos.action": ["reset-client", "reset-server", "reset-both"]}}
    assert client.count(index="panos-threat", query={"bool": {"filter": [*zones, reset]}})["count"] == 10
