"""The Debian package's parts: metadata, unit, maintainer scripts, manual pages, completions; and what the unit believes of the server."""

import glob
import os
import re
import signal
import socket
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEBIAN = ROOT / "deploy" / "debian"
UNIT = DEBIAN / "sekisho.service"
SEKISHO = os.environ["SEKISHO"]
METADATA = tomllib.loads((ROOT / "server" / "Cargo.toml").read_text())["package"]["metadata"]["deb"]


def told(*arguments):
    return subprocess.run([SEKISHO, *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def commands(*of):
    """The commands, and those below them as `user-add`."""
    listed = told(*of, "--help").partition("Commands:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"^  ([a-z-]+) ", listed, re.M):
        if name != "help":
            yield "-".join([*of, name])
            yield from commands(*of, name)


def test_every_file_of_the_package_is_there(tmp_path):
    told("man", tmp_path / "man")
    generated = {"../target/package/completions/" + name for name in ("sekisho.bash", "_sekisho", "sekisho.fish")}
    for source, _, mode in METADATA["assets"]:
        if source in generated or source == "target/release/sekisho":
            continue
        pattern = source.replace("../target/package", str(tmp_path)) if source.startswith("../target") else str(ROOT / "server" / source)
        assert glob.glob(pattern), source
        assert mode in ("644", "640")
    assert METADATA["conf-files"] == ["/etc/sekisho/sekisho.toml"]
    assert (ROOT / "server" / METADATA["license-file"][0]).is_file()
    assert METADATA["systemd-units"]["start"] is False


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_maintainer_scripts_are_shell_and_have_their_mark(script):
    text = (DEBIAN / script).read_text()
    assert "#DEBHELPER#" in text and "\nset -e\n" in text
    subprocess.run(["sh", "-n", DEBIAN / script], check=True)
    assert "rm -" not in text, "logs are not removed"


def unit(tmp_path):
    """The unit with the built server, without what this machine lacks."""
    text = re.sub(r"^Documentation=.*\n", "", UNIT.read_text(), flags=re.M).replace("/usr/bin/sekisho", SEKISHO)
    path = tmp_path / "sekisho.service"
    path.write_text(text)
    return path


def test_systemd_understands_the_unit(tmp_path):
    done = subprocess.run(["systemd-analyze", "verify", unit(tmp_path)], capture_output=True, text=True)
    complaints = [it for it in (done.stdout + done.stderr).splitlines() if "sekisho.service" in it]
    assert complaints == []
    broken = unit(tmp_path)
    broken.write_text(broken.read_text().replace("ProtectHome=", "ProtectHouse="))
    done = subprocess.run(["systemd-analyze", "verify", broken], capture_output=True, text=True)
    assert "ProtectHouse" in done.stdout + done.stderr


def test_the_unit_is_hardened(tmp_path):
    # 2.0 of 10, where 10 is no protection at all.
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def served(tmp_path, environment):
    arguments = [f"--data-dir={tmp_path / 'data'}", "--http=127.0.0.1:0", "--syslog-udp=127.0.0.1:0", "--syslog-tcp=127.0.0.1:0", "--log=error"]
    return subprocess.Popen([SEKISHO, "serve", *arguments], env={**os.environ, **environment})


def test_systemd_is_told_when_it_is_ready_alive_and_stopping(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        process = served(tmp_path, {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"})
        try:
            assert systemd.recv(4096) == b"READY=1\n"
            # More than the first: it goes on.
            assert [systemd.recv(4096) for _ in range(3)] == [b"WATCHDOG=1\n"] * 3
            process.send_signal(signal.SIGTERM)
            seen = b""
            while seen != b"STOPPING=1\n":
                seen = systemd.recv(4096)
                assert seen in (b"STOPPING=1\n", b"WATCHDOG=1\n")
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
            process.wait()


def test_the_shipped_settings_start_a_server(tmp_path):
    text = (DEBIAN / "sekisho.toml").read_text()
    assert "\ninsecure" not in text
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        moved = text.replace("/var/lib/sekisho", str(tmp_path / "data")).replace(":9200", ":0").replace(":5514", ":0")
        (tmp_path / "sekisho.toml").write_text(moved)
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        process = subprocess.Popen([SEKISHO, "serve", "--config", tmp_path / "sekisho.toml", "--log=error"], env=environment)
        try:
            assert systemd.recv(4096) == b"READY=1\n"
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 0
    assert (tmp_path / "data").is_dir()
    # What is commented out is spelt right, too.
    keys = set(re.findall(r"^#?([a-z_]+) = ", text, re.M))
    flags = {it.replace("-", "_") for it in re.findall(r"^\s+--([a-z-]+)", told("serve", "--help"), re.M)}
    assert len(keys) >= 8 and keys <= flags


def test_every_command_has_a_page_with_its_flags(tmp_path):
    told("man", tmp_path)
    pages = {it.name for it in tmp_path.iterdir()}
    assert pages == {"sekisho.1"} | {f"sekisho-{it}.1" for it in commands()}
    serve = (tmp_path / "sekisho-serve.1").read_text().replace("\\-", "-")
    for flag in re.findall(r"^\s+(--[a-z-]+)", told("serve", "--help"), re.M):
        assert flag in serve


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_know_every_command(shell, tmp_path):
    text = told("completions", shell)
    for command in [it for it in commands() if f"\n  {it} " in told("--help")]:
        assert command in text
    assert "syslog-tls-client-ca" in text
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)
