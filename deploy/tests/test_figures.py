"""Alerts and the Grafana dashboard, held against the figures that a started server has.

A name that nobody exports makes an alert that never fires and a panel that stays empty: both look like health.
"""

import json
import os
import re
import socket
import subprocess
import time
import urllib.request

import pytest
import yaml

from test_chart import CHART, FOREIGN, free_port, of_kind, objects

NAME = re.compile(r"\bsekisho_[a-z0-9_]+\b")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that has received a line of each kind; gives its ports."""
    http, syslog = free_port(), free_port()
    arguments = ["serve", f"--data-dir={tmp_path_factory.mktemp('data')}", f"--http=127.0.0.1:{http}"]
    arguments += [f"--syslog-tcp=127.0.0.1:{syslog}", f"--syslog-udp=127.0.0.1:{syslog}", "--log=warn"]
    process = subprocess.Popen([os.environ["SEKISHO"], *arguments], stderr=subprocess.DEVNULL)
    try:
        until(lambda: get(http, "/readyz"))
        yield http, syslog
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def until(check, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            if answer := check():
                return answer
        except OSError:
            pass
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


def self_test(http, syslog, *more):
    arguments = [f"--http=127.0.0.1:{http}", f"--syslog-tcp=127.0.0.1:{syslog}", f"--syslog-udp=127.0.0.1:{syslog}", *more]
    return subprocess.run([os.environ["SEKISHO"], "self-test", *arguments], capture_output=True, text=True, timeout=90)


@pytest.fixture(scope="module")
def figures(server):
    """Names and labels of all figures: {name: {label, …}}."""
    http, syslog = server
    done = self_test(http, syslog)
    assert done.returncode == 0, done.stderr
    text = until(lambda: (it := get(http, "/metrics")) and 'sekisho_splits{stream="syslog"}' in it and it)
    samples = re.findall(r"^(sekisho_\w+)(?:\{(.*)\})? ", text, re.M)
    names = {}
    for name, labels in samples:
        names.setdefault(name, set()).update(re.findall(r"(\w+)=\"", labels))
    return names


def test_the_self_test_says_what_it_found(server):
    done = self_test(*server)
    assert done.returncode == 0, done.stderr
    assert re.search(r"TCP.*found", done.stdout) and re.search(r"UDP.*found", done.stdout)


def test_the_self_test_fails_where_nothing_is_found(server):
    # The line goes to a socket that nobody reads from.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        arguments = [f"--http=127.0.0.1:{server[0]}", f"--syslog-udp=127.0.0.1:{deaf.getsockname()[1]}", "--within-s=1"]
        done = subprocess.run([os.environ["SEKISHO"], "self-test", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "not found" in done.stderr


def check(expressions, figures):
    used = set()
    for it in expressions:
        for name in NAME.findall(re.sub(r"\{[^}]*\}", "", it)):
            assert name in figures, f"[{name}] in [{it}] is no figure of the server"
            used.add(name)
            # What an expression groups by must be there to group by; `le` is the histogram's.
            for labels in re.findall(r"by \(([^)]*)\)", it):
                for label in labels.split(","):
                    assert any(label.strip() in figures[other] for other in NAME.findall(it) if other in figures), it
    return used


def test_alerts_ask_for_figures_that_exist(figures):
    rule = of_kind(objects("everything"), "PrometheusRule")
    rules = rule["spec"]["groups"][0]["rules"]
    assert len(rules) >= 10 and len({it["alert"] for it in rules}) == len(rules)
    assert len(check([it["expr"] for it in rules], figures)) >= 10
    for it in rules:
        assert it["labels"]["severity"] in ("critical", "warning") and it["labels"]["team"] == "network"
        assert it["annotations"]["summary"]
        assert 'namespace="logs",service="rel-sekisho"' in it["expr"]


def test_the_dashboard_asks_for_figures_that_exist(figures):
    board = json.loads((CHART / "dashboards" / "sekisho.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(check(expressions, figures)) >= 15
    assert len({it["id"] for it in board["panels"]}) == len(board["panels"])
    # No two panels on one place.
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_the_config_map_has_the_dashboard_whole():
    shipped = of_kind(objects("everything"), "ConfigMap", "rel-sekisho-grafana")["data"]["sekisho.json"]
    assert json.loads(shipped) == json.loads((CHART / "dashboards" / "sekisho.json").read_text())


def test_prometheus_scrapes_the_one_service_for_http():
    everything = objects("everything")
    monitor = of_kind(everything, "ServiceMonitor")["spec"]
    labels = monitor["selector"]["matchLabels"]
    chosen = [it["metadata"]["name"] for it in everything if it["kind"] == "Service" and labels.items() <= it["metadata"]["labels"].items()]
    assert chosen == ["rel-sekisho"]
    assert monitor["endpoints"][0]["path"] == "/metrics"


def test_foreign_kinds_are_there_when_switched_on():
    assert FOREIGN <= {it["kind"] for it in objects("everything")}
    assert not FOREIGN & {it["kind"] for it in objects("default")}
