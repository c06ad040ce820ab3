"""Grafana's Elasticsearch data source: the requests that it sends for health, fields, variables, panels, logs and alerts, as it writes them."""

import json
import urllib.request

START, END = 1795132800000, 1795219200000
RANGE = {"range": {"@timestamp": {"format": "epoch_millis", "gte": START, "lte": END}}}
ALL = {"query_string": {"analyze_wildcard": True, "query": "*"}}


def get(server, path):
    with urllib.request.urlopen(f"{server}{path}") as answer:
        return json.load(answer)


def panel(server, body):
    header = {"search_type": "query_then_fetch", "ignore_unavailable": True, "index": "panos-threat"}
    lines = "".join(json.dumps(it) + "\n" for it in (header, body)).encode()
    request = urllib.request.Request(f"{server}/_msearch?max_concurrent_shard_requests=5", lines, {"content-type": "application/x-ndjson"})
    with urllib.request.urlopen(request) as answer:
        (response,) = json.load(answer)["responses"]
    assert response["status"] == 200, response
    return response


def over_time(**more):
    bounds = {"min": START, "max": END}
    return {"date_histogram": {"field": "@timestamp", "min_doc_count": 0, "extended_bounds": bounds, "format": "epoch_millis", **more}}


def test_the_data_source_is_healthy_and_its_fields_are_known(server):
    assert get(server, "/")["version"]["number"].startswith("8.")
    assert get(server, "/_cluster/health?wait_for_status=yellow")["status"] in ("green", "yellow")
    (mapping,) = get(server, "/panos-threat/_mapping").values()
    assert mapping["mappings"]["properties"]["@timestamp"]["type"] == "date"


def test_a_series_for_each_value(server):
    percentiles = {"percentiles": {"field": "destination.port", "percents": ["25", "95"]}}
    series = {"2": over_time(fixed_interval="1h") | {"aggs": {"1": percentiles, "4": {"max": {"field": "source.port"}}}}}
    terms = {"terms": {"field": "panw.panos.action", "size": 10, "order": {"_key": "desc"}, "min_doc_count": 1}}
    body = {"size": 0, "query": {"bool": {"filter": [RANGE, ALL]}}, "aggs": {"3": terms | {"aggs": series}}}
    buckets = panel(server, body)["aggregations"]["3"]["buckets"]
    assert [(it["key"], it["doc_count"]) for it in buckets] == [("reset-both", 10), ("alert", 20)]
    hours = buckets[0]["2"]["buckets"]
    assert len(hours) == 25 and hours[0]["key_as_string"] == str(START)
    noon = next(it for it in hours if it["doc_count"])
    assert (noon["doc_count"], noon["1"]["values"], noon["4"]["value"]) == (10, {"25.0": 80.0, "95.0": 80.0}, 50123.0)


def test_a_series_with_calculations_of_its_own(server):
    pipelines = {"5": {"derivative": {"buckets_path": "_count"}}, "6": {"bucket_script": {"buckets_path": {"n": "_count"}, "script": "params.n * 2"}}}
    moving = {"7": {"moving_fn": {"buckets_path": "_count", "window": 3, "script": "MovingFunctions.unweightedAvg(values)"}}}
    body = {"size": 0, "query": {"bool": {"filter": [RANGE, ALL]}}, "aggs": {"2": over_time(calendar_interval="1d", time_zone="Asia/Tokyo") | {"aggs": pipelines | moving}}}
    days = panel(server, body)["aggregations"]["2"]["buckets"]
    assert sum(it["6"]["value"] for it in days if "6" in it) == 60


def test_logs_and_raw_documents(server):
    sort = [{"@timestamp": {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}]
    body = {
        "size": 5,
        "query": {"bool": {"filter": [RANGE, {"query_string": {"analyze_wildcard": True, "query": "panw.panos.action:\"reset-both\""}}]}},
        "sort": sort,
        "script_fields": {},
        "docvalue_fields": ["@timestamp"],
        "aggs": {"1": over_time(fixed_interval="30m")},
    }
    found = panel(server, body)
    assert found["hits"]["total"]["value"] == 10 and len(found["hits"]["hits"]) == 5
    first = found["hits"]["hits"][0]
    assert first["_source"]["panw"]["panos"]["action"] == "reset-both" and len(first["sort"]) == 2
    # Scrolling on: what is behind the last line.
    after = panel(server, body | {"search_after": found["hits"]["hits"][-1]["sort"]})
    assert len(after["hits"]["hits"]) == 5 and after["hits"]["hits"][0]["_id"] not in [it["_id"] for it in found["hits"]["hits"]]


def test_values_of_a_variable(server):
    terms = {"terms": {"field": "observer.egress.zone", "size": 500, "order": {"_key": "asc"}}}
    body = {"size": 0, "query": {"bool": {"filter": [RANGE]}}, "aggs": {"1": terms}}
    assert [it["key"] for it in panel(server, body)["aggregations"]["1"]["buckets"]] == ["DMZ"]
