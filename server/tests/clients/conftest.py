"""A started server for each test file, on free ports with a directory of its own; what the clients talk to is the real program."""

import os
import socket
import subprocess
import time
import urllib.request

import pytest

LINE = (
    "<14>Nov 20 12:00:00 fw-1 1,2026/11/20 12:00:{second:02},0018,THREAT,vulnerability,2562,2026/11/20 12:00:{second:02},203.0.113.{host},192.0.2.80,"
    "0.0.0.0,0.0.0.0,inbound,,,web-browsing,vsys1,Untrust,DMZ,ethernet1/1,ethernet1/2,default,2026/11/20 12:00:{second:02},{session},1,50123,80,0,0,"
    "0x0,tcp,{action},\"index.html\",Bad Thing(30001),any,high,client-to-server,{session},0x0,Germany,Japan,0,,0,,,0,,,,,,,,0,0,0,0,0,,fw-1\n"
)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Its URL; thirty threats from Untrust to DMZ are in it, ten of them reset."""
    http, syslog = free_port(), free_port()
    data = tmp_path_factory.mktemp("data")
    arguments = ["serve", "--data-dir", data, "--http", f"127.0.0.1:{http}", "--syslog-tcp", f"127.0.0.1:{syslog}", "--syslog-udp", "off"]
    with open(data / "server.log", "wb") as log, subprocess.Popen([os.environ["SEKISHO"], *arguments], stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{http}"
            wait_until_ready(process, url, data)
            with socket.create_connection(("127.0.0.1", syslog)) as connection:
                for number in range(30):
                    action = "reset-both" if number % 3 == 0 else "alert"
                    connection.sendall(LINE.format(second=number, host=number + 1, session=1000 + number, action=action).encode())
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(1) == b"", "the lines are durable when the other half is closed"
            urllib.request.urlopen(urllib.request.Request(f"{url}/_refresh", method="POST"))
            yield url
        finally:
            process.terminate()


def wait_until_ready(process, url, data):
    for _ in range(600):
        if process.poll() is not None:
            raise AssertionError((data / "server.log").read_text())
        try:
            with urllib.request.urlopen(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("not ready within a minute")
