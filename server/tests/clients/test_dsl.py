"""The object mapper `elasticsearch-dsl`."""

import datetime

import pytest
from elasticsearch_dsl import A, Date, Document, Index, Keyword, Q, Search, connections


class Event(Document):
    zone = Keyword()
    at = Date()

    class Index:
        name = "dsl-events"


@pytest.fixture(scope="module")
def events(server):
    connections.create_connection(hosts=[server])
    Event.init()
    for number in range(20):
        Event(zone=f"zone-{number % 3}", at=datetime.datetime(2026, 11, 20, number)).save()
    Index("dsl-events").refresh()
    return Search(index="dsl-events")


def test_objects_are_found_counted_and_gone_through(events):
    found = events.filter("term", zone="zone-1").sort("-at")
    assert found.count() == 7
    assert [it.at for it in found[:2]] == ["2026-11-20T19:00:00", "2026-11-20T16:00:00"]
    assert len(list(events.scan())) == 20
    assert len(list(events.query(Q("range", at={"lt": "2026-11-20T05:00:00"})))) == 5


def test_aggregations_come_back_as_objects(events):
    search = events[:0]
    search.aggs.bucket("zones", A("terms", field="zone")).metric("newest", "max", field="at")
    buckets = search.execute().aggregations.zones.buckets
    assert [(it.key, it.doc_count) for it in buckets] == [("zone-0", 7), ("zone-1", 7), ("zone-2", 6)]
    assert buckets[0].newest.value_as_string == "2026-11-20T18:00:00.000Z"
