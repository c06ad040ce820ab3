"""rsyslog's output module for Elasticsearch: bulk requests, retried, under templates of its own."""

import json
import signal
import socket
import subprocess
import time
import urllib.request

from conftest import free_port

# As rsyslog's documentation of omelasticsearch has it: retried for ever under an id of the message's own, so that none is there twice.
CONFIGURATION = """
global(workDirectory="{folder}")
module(load="imtcp")
module(load="omelasticsearch")
template(name="day" type="list") {{
  constant(value="rsyslog-")
  property(name="timereported" dateFormat="rfc3339" position.from="1" position.to="4")
}}
template(name="document" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="tag" name="syslogtag" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
template(name="id" type="string" string="%uuid%")
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="out")
ruleset(name="out") {{
  action(
    type="omelasticsearch" server="127.0.0.1" serverport="{http}" template="document" searchIndex="day" dynSearchIndex="on" searchType=""
    bulkmode="on" maxbytes="1m" writeoperation="create" bulkid="id" dynbulkid="on" errorFile="{folder}/errors.json"
    queue.type="linkedlist" queue.size="5000" queue.dequeuebatchsize="300" action.resumeretrycount="-1" action.resumeinterval="1"
  )
}}
"""

MESSAGES = 500


def send(port, log):
    """Waits for rsyslog's listener and sends it every message, the last with what must be quoted."""
    for _ in range(100):
        try:
            connection = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            time.sleep(0.1)
    else:
        raise AssertionError(log.read_text())
    with connection:
        for number in range(MESSAGES - 1):
            connection.sendall(f"<{8 + number % 8}>1 2026-11-20T12:00:00.{number:03}Z fw-1 app - - - message number{number}\n".encode())
        connection.sendall('<14>1 2026-11-20T12:00:01Z fw-2 app - - - a "quoted" \\ text, 関所\n'.encode())


def asked(server, path, body=None):
    request = urllib.request.Request(f"{server}{path}", data=json.dumps(body).encode() if body else None, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def stored(server):
    urllib.request.urlopen(urllib.request.Request(f"{server}/_refresh", method="POST")).close()
    return asked(server, "/rsyslog-*/_count")["count"]


def test_rsyslog_writes_each_message_once(server, tmp_path):
    port, http = free_port(), server.rsplit(":", 1)[1]
    configuration = tmp_path / "rsyslog.conf"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path, port=port, http=http))
    with open(tmp_path / "rsyslog.log", "wb") as log:
        process = subprocess.Popen(["rsyslogd", "-n", "-f", configuration, "-i", tmp_path / "pid"], stdout=log, stderr=log)
    try:
        send(port, tmp_path / "rsyslog.log")
        until = time.monotonic() + 60
        while stored(server) < MESSAGES and time.monotonic() < until:
            assert process.poll() is None, (tmp_path / "rsyslog.log").read_text()
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    errors = tmp_path / "errors.json"
    assert not errors.exists() or not errors.read_text(), errors.read_text()
    assert stored(server) == MESSAGES, (tmp_path / "rsyslog.log").read_text()
    found = asked(server, "/rsyslog-2026/_search", {"query": {"match_phrase": {"message": "quoted"}}})
    assert [hit["_source"]["message"].strip() for hit in found["hits"]["hits"]] == ['a "quoted" \\ text, 関所']
    by = asked(server, "/rsyslog-2026/_search", {"size": 0, "aggs": {"by": {"terms": {"field": "severity.keyword", "size": 20}}}})
    counts = {it["key"]: it["doc_count"] for it in by["aggregations"]["by"]["buckets"]}
    assert sum(counts.values()) == MESSAGES and len(counts) == 8, counts
