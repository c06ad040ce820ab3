"""Sigma rules as pySigma's Elasticsearch backend writes them, run against the server: detection rules that people have already."""

import json
import urllib.request

import pytest
from sigma.backends.elasticsearch import LuceneBackend
from sigma.collection import SigmaCollection

RULE = """
title: test
logsource: {{ category: firewall }}
detection:
{detection}
"""


def hits(server, query):
    body = json.dumps(query).encode()
    request = urllib.request.Request(f"{server}/panos-threat/_search", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["hits"]["total"]["value"]


@pytest.mark.parametrize(
    "detection, expected",
    [
        ("  a: { panw.panos.action: reset-both }\n  condition: a", 10),
        ("  a: { panw.panos.action|startswith: reset }\n  condition: a", 10),
        ("  a: { panw.panos.action|contains: set-b }\n  condition: a", 10),
        ("  a: { panw.panos.action: [alert, drop] }\n  condition: a", 20),
        ("  a: { observer.ingress.zone: Untrust, destination.port: 80 }\n  b: { panw.panos.action: alert }\n  condition: a and not b", 10),
        ("  a: { source.ip|cidr: 203.0.113.0/28 }\n  condition: a", 15),
        ("  a: { destination.port|gte: 81 }\n  condition: a", 0),
        ("  a: { panw.panos.threat.name: Bad Thing }\n  condition: a", 30),
        ("  a: { panw.panos.threat.name|re: 'Bad.*g' }\n  condition: a", 30),
        ("  a: { url.full: null }\n  condition: a", 30),
    ],
)
@pytest.mark.parametrize("form", ["dsl_lucene", "default"])
def test_a_rule_finds_its_events(server, detection, expected, form):
    rules = SigmaCollection.from_yaml(RULE.format(detection=detection))
    (query,) = LuceneBackend().convert(rules, output_format=form)
    body = query if isinstance(query, dict) else {"query": {"query_string": {"query": query, "analyze_wildcard": True}}}
    body["track_total_hits"] = True
    assert hits(server, {key: body[key] for key in ("query", "track_total_hits")}) == expected, query
