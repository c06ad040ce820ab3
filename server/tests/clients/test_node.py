"""The official Node clients; what they do is in node.test.mjs."""

import os
import pathlib
import subprocess


def test_node_clients_do_not_notice_the_difference(server):
    cases = pathlib.Path(__file__).with_name("node.test.mjs")
    done = subprocess.run(["node", "--test", cases], env={**os.environ, "SEKISHO_URL": server}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
