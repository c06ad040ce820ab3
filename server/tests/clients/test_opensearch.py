"""OpenSearch's client, which sends plain JSON and has names of its own for points in time."""

import pytest
from opensearchpy import OpenSearch, helpers


@pytest.fixture(scope="module")
def client(server):
    client = OpenSearch(server)
    assert helpers.bulk(client, ({"_index": "notes", "n": n} for n in range(1000)))[0] == 1000
    client.indices.refresh(index="notes")
    return client


def test_everything_is_gone_through_by_scroll_and_by_point_in_time(client):
    assert sum(1 for _ in helpers.scan(client, index="notes", size=300)) == 1000
    pit = client.create_pit(index="notes", params={"keep_alive": "1m"})["pit_id"]
    found = client.search(body={"pit": {"id": pit}, "size": 0, "track_total_hits": True})
    assert found["hits"]["total"]["value"] == 1000
    assert client.delete_pit(body={"pit_id": [pit]})["pits"] == [{"successful": True, "pit_id": pit}]


def test_the_cluster_is_looked_at(client):
    assert client.info()["version"]["number"]
    assert client.cluster.health()["number_of_nodes"] == 1
    assert "notes" in client.cat.indices(format="txt")
