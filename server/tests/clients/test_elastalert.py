"""ElastAlert 2 with its own, old client: its indices are made, and a rule finds its matches."""

import json
import os
import subprocess
import sys
import urllib.parse
from pathlib import Path

RULE = """
name: resets
type: frequency
index: panos-threat
num_events: 5
timeframe: { hours: 1 }
timestamp_field: "@timestamp"
filter:
  - query: { query_string: { query: "panw.panos.action:reset*" } }
query_key: observer.ingress.zone
alert: [debug]
"""


def test_a_rule_over_threats_alerts(server, tmp_path):
    address = urllib.parse.urlsplit(server)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/resets.yaml").write_text(RULE)
    config = {
        "rules_folder": str(tmp_path / "rules"),
        "run_every": {"minutes": 1},
        "buffer_time": {"minutes": 15},
        "es_host": address.hostname,
        "es_port": address.port,
        "writeback_index": "elastalert_status",
        "alert_time_limit": {"days": 2},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    programs = Path(sys.executable).parent

    def run(*arguments):
        done = subprocess.run([programs / arguments[0], *arguments[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=os.environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "Done!" in run("elastalert-create-index", "--config", "config.yaml")
    times = ["--start", "2026-11-20T11:00:00", "--end", "2026-11-20T13:00:00"]
    said = run("elastalert-test-rule", "--config", "config.yaml", *times, "--alert", "rules/resets.yaml")
    assert "Got 10 hits" in said and "Alert for resets" in said, said
