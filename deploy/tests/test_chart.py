"""The chart, rendered by the real Helm: valid for Kubernetes, closed by default, and refusing what is mistyped.

`cargo xtask chart` runs this with HELM and SEKISHO set (the helm program, a built server). Every case is a rendering; what is
asserted about one is asserted about all: adding a file to ci/ is all it takes to have a set of values tested.
"""

import base64
import functools
import json
import os
import re
import socket
import subprocess
import warnings
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

CHART = Path(__file__).parent.parent / "helm" / "sekisho"
CI = sorted((CHART / "ci").glob("*-values.yaml"))
SETS = {"default": None} | {it.stem.removesuffix("-values"): it for it in CI}
# Oldest, those where the templates differ, the newest that the validator knows.
VERSIONS = ["1.24", "1.26", "1.27", "1.30", "1.31", "1.34", "1.37"]
# The validator's own oldest schema; what is older is held against it.
SCHEMA_OLDEST = 28
FOREIGN = {"ServiceMonitor", "PrometheusRule", "HTTPRoute", "Certificate"}


def helm(*arguments):
    return subprocess.run([os.environ["HELM"], *map(str, arguments)], capture_output=True, text=True)


def template(*arguments, version="1.34"):
    return helm("template", "rel", CHART, "--namespace", "logs", "--kube-version", version, *arguments)


@functools.cache
def objects(values, version="1.34"):
    done = template(*(["-f", SETS[values]] if SETS[values] else []), version=version)
    assert done.returncode == 0, done.stderr
    return [it for it in yaml.safe_load_all(done.stdout) if it]


def rendered(*sets):
    done = template(*[word for it in sets for word in ("--set", it)])
    assert done.returncode == 0, done.stderr
    return [it for it in yaml.safe_load_all(done.stdout) if it]


def of_kind(all_objects, kind, name=None):
    found = [it for it in all_objects if it["kind"] == kind and name in (None, it["metadata"]["name"])]
    assert len(found) == 1, f"{kind} {name}: {len(found)} of them"
    return found[0]


def pods(all_objects):
    """The specifications of pods, with their metadata: the set's template and the test."""
    for it in all_objects:
        if it["kind"] == "Pod":
            yield it["metadata"], it["spec"]
        if it["kind"] == "StatefulSet":
            yield it["spec"]["template"]["metadata"], it["spec"]["template"]["spec"]


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def settings(all_objects, name="rel-sekisho"):
    return of_kind(all_objects, "ConfigMap", name)["data"]["sekisho.toml"]


each_set = pytest.mark.parametrize("values", SETS)


@each_set
def test_lint_is_strict(values):
    done = helm("lint", "--strict", CHART, *(["-f", SETS[values]] if SETS[values] else []))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
@each_set
def test_kubernetes_takes_every_object(values, version):
    schema = f"1.{max(SCHEMA_OLDEST, int(version.split('.')[1]))}"
    validated = 0
    for it in objects(values, version):
        if it["kind"] in FOREIGN:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kubernetes_validate.validate(it, schema, strict=True)
        validated += 1
    assert validated >= 6


def test_the_validator_refuses_what_it_should():
    broken = json.loads(json.dumps(of_kind(objects("default"), "StatefulSet")))
    broken["spec"]["replicaz"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.34", strict=True)


@each_set
def test_names_are_unique_and_in_the_namespace(values):
    names = [(it["kind"], it["metadata"]["name"]) for it in objects(values)]
    assert len(names) == len(set(names))
    own = [it for it in objects(values) if not it["metadata"]["name"].endswith("-more")]
    assert {it["metadata"]["namespace"] for it in own} == {"logs"}


@each_set
def test_pods_can_do_nothing_they_need_not(values):
    seen = list(pods(objects(values)))
    assert seen
    for _, spec in seen:
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True and pod["runAsUser"] == 10001 and pod["runAsGroup"] == 10001
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is (values == "everything" and "serviceAccountName" in spec)
        assert not any(spec.get(it) for it in ("hostNetwork", "hostPID", "hostIPC"))
        assert not any("hostPath" in it for it in spec.get("volumes", []))
        for container in spec["containers"] + spec.get("initContainers", []):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is True
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert "privileged" not in own
            assert container["resources"]["limits"]["memory"]
            assert not container["image"].endswith(":latest") and re.search(r"[:@]", container["image"])


@each_set
def test_the_server_is_probed_and_rolled(values):
    stateful = of_kind(objects(values), "StatefulSet")
    spec = stateful["spec"]["template"]["spec"]
    server = spec["containers"][0]
    paths = {it: server[f"{it}Probe"]["httpGet"]["path"] for it in ("startup", "readiness", "liveness")}
    assert paths == {"startup": "/startupz", "readiness": "/readyz", "liveness": "/livez"}
    # A restart while the log is read again would begin it anew: half an hour at least.
    assert server["startupProbe"]["periodSeconds"] * server["startupProbe"]["failureThreshold"] >= 1800
    # The server stops within about 25 seconds.
    assert spec["terminationGracePeriodSeconds"] >= 30
    assert spec["enableServiceLinks"] is False
    assert re.fullmatch("[0-9a-f]{64}", stateful["spec"]["template"]["metadata"]["annotations"]["checksum/settings"])
    mounts = {it["name"] for it in server["volumeMounts"]}
    volumes = {it["name"] for it in spec["volumes"]} | {it["metadata"]["name"] for it in stateful["spec"].get("volumeClaimTemplates", [])}
    assert mounts <= volumes and "data" in volumes


def test_changed_settings_roll_the_pods_and_nothing_else_does():
    def checksum(*sets):
        return of_kind(rendered(*sets), "StatefulSet")["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]

    assert checksum() != checksum("settings.device_time_zone=Asia/Tokyo")
    assert checksum() == checksum("prometheusRule.enabled=true")


@each_set
def test_services_select_the_server_and_not_the_test(values):
    everything = objects(values)
    stateful = of_kind(everything, "StatefulSet")
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    ports = {it["name"]: it["protocol"] for it in stateful["spec"]["template"]["spec"]["containers"][0]["ports"]}
    services = [it for it in everything if it["kind"] == "Service"]
    assert len(services) >= 3
    for service in services:
        selector = service["spec"]["selector"]
        assert selector.items() <= labels.items()
        test = next(meta for meta, spec in pods(everything) if spec.get("restartPolicy") == "Never")
        assert not selector.items() <= test["labels"].items()
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["protocol"]
    assert stateful["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert stateful["spec"]["serviceName"] in {it["metadata"]["name"] for it in services}


@pytest.mark.parametrize("values", ["default", "everything"])
def test_syslog_keeps_the_senders_address(values):
    services = [it for it in objects(values) if it["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "syslog"]
    assert len(services) == (2 if values == "everything" else 1)
    for it in services:
        assert it["spec"]["type"] == "LoadBalancer"
        assert it["spec"]["externalTrafficPolicy"] == "Local"
        assert it["spec"]["sessionAffinity"] == "ClientIP"
    if values == "everything":
        assert [[port["protocol"] for port in it["spec"]["ports"]] for it in services] == [["TCP", "TCP"], ["UDP"]]
        assert {tuple(it["spec"]["loadBalancerSourceRanges"]) for it in services} == {("192.0.2.0/24", "2001:db8::/32")}


def test_claims_stay_unless_told_otherwise():
    assert of_kind(objects("default", "1.27"), "StatefulSet")["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    # The field is not served before.
    assert "persistentVolumeClaimRetentionPolicy" not in of_kind(objects("default", "1.26"), "StatefulSet")["spec"]
    [claim] = of_kind(objects("default"), "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "100Gi"
    assert "volumeClaimTemplates" not in of_kind(objects("inside"), "StatefulSet")["spec"]
    assert "volumeClaimTemplates" not in of_kind(objects("trial"), "StatefulSet")["spec"]


def test_http_is_reached_from_the_own_namespace_only():
    policy = of_kind(objects("default"), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"] and policy["egress"] == []
    [http] = [it for it in policy["ingress"] if any(port["port"] == "http" for port in it["ports"])]
    assert http["from"] == [{"podSelector": {}}]
    assert of_kind(objects("default"), "Service", "rel-sekisho")["spec"]["type"] == "ClusterIP"


@each_set
def test_http_asks_for_credentials_unless_told_otherwise(values):
    everything = objects(values)
    stateful = of_kind(everything, "StatefulSet")
    text = settings(everything, stateful["metadata"]["name"])
    pod = stateful["spec"]["template"]["spec"]
    test = next(spec for _, spec in pods(everything) if spec.get("restartPolicy") == "Never")
    shown = [it for it in test["containers"][0]["args"] if it.startswith("--password-file=")]
    is_open = values == "trial"
    assert ("insecure = true" in text) is is_open and ("require_login = true" in text) is not is_open
    if is_open:
        assert shown == [] and "admin" not in {it["name"] for it in pod["volumes"]}
        return
    for spec, path in ((pod, re.search(r'^admin_password_file = "(.*)"$', text, re.M)[1]), (test, shown[0].partition("=")[2])):
        [mount] = [it for it in spec["containers"][0]["volumeMounts"] if it["name"] == "admin"]
        [volume] = [it for it in spec["volumes"] if it["name"] == "admin"]
        assert mount["readOnly"] and f"{mount['mountPath']}/{volume['secret']['items'][0]['path']}" == path
        name, key = volume["secret"]["secretName"], volume["secret"]["items"][0]["key"]
        if values == "inside":
            assert (name, key) == ("admin", "pass.word")
            assert not [it for it in everything if it["kind"] == "Secret"]
        else:
            assert len(base64.b64decode(of_kind(everything, "Secret", name)["data"][key])) == 32


def test_the_made_password_is_random_and_stays():
    secrets = [of_kind(rendered(), "Secret", "rel-sekisho-admin") for _ in range(2)]
    assert secrets[0]["data"] != secrets[1]["data"]
    assert {it["metadata"]["annotations"]["helm.sh/resource-policy"] for it in secrets} == {"keep"}
    # What is in the cluster wins; without one only the template can be read.
    assert "lookup" in (CHART / "templates/secret.yaml").read_text()
    # And pods do not roll with it.
    annotations = [of_kind(rendered(), "StatefulSet")["spec"]["template"]["metadata"]["annotations"] for _ in range(2)]
    assert annotations[0] == annotations[1]


@each_set
def test_who_asks_http_speaks_as_it_does(values):
    everything = objects(values)
    stateful = of_kind(everything, "StatefulSet")
    is_tls = "http_tls_certificate" in settings(everything, stateful["metadata"]["name"])
    assert is_tls is (values in ("everything", "inside"))
    server = stateful["spec"]["template"]["spec"]["containers"][0]
    assert {server[f"{it}Probe"]["httpGet"]["scheme"] for it in ("startup", "readiness", "liveness")} == {"HTTPS" if is_tls else "HTTP"}
    test = next(spec for _, spec in pods(everything) if spec.get("restartPolicy") == "Never")
    http = next(it for it in test["containers"][0]["args"] if it.startswith("--http="))
    assert http.startswith("--http=https://") is is_tls
    # Who only asks has no use for the key.
    for it in test.get("volumes", []):
        assert it["name"] != "http-tls" or it["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    for it in everything:
        if it["kind"] == "ServiceMonitor":
            [endpoint] = it["spec"]["endpoints"]
            assert endpoint["scheme"] == "https" and endpoint["tlsConfig"]["serverName"] in json.loads(
                re.search(r"^allowed_hosts = (.*)$", settings(everything), re.M)[1]
            )
            assert endpoint["authorization"] == {"type": "ApiKey", "credentials": {"name": "scrape", "key": "api-key"}}


def test_the_certificate_of_http_has_every_name_it_is_asked_by():
    certificate = of_kind(objects("everything"), "Certificate", "rel-sekisho-http")
    hosts = json.loads(re.search(r"^allowed_hosts = (.*)$", settings(objects("everything")), re.M)[1])
    assert set(certificate["spec"]["dnsNames"]) == {*hosts, "localhost"}


def test_the_default_settings_ask_for_the_secrets_password(tmp_path):
    """The real server, with the rendered settings and the rendered password; the self-test asks it as `helm test` does."""
    everything = objects("default")
    password = base64.b64decode(of_kind(everything, "Secret", "rel-sekisho-admin")["data"]["password"])
    (tmp_path / "password").write_bytes(password)
    http, syslog = free_port(), free_port()
    text = settings(everything).replace('"/data"', f'"{tmp_path / "data"}"').replace("/etc/sekisho/admin/password", str(tmp_path / "password"))
    text = text.replace("0.0.0.0:9200", f"127.0.0.1:{http}").replace("0.0.0.0:5514", f"127.0.0.1:{syslog}")
    (tmp_path / "sekisho.toml").write_text(text)
    with subprocess.Popen([os.environ["SEKISHO"], "serve", "--config", str(tmp_path / "sekisho.toml")], stderr=subprocess.PIPE, text=True) as server:
        try:
            ask = [os.environ["SEKISHO"], "self-test", f"--http=127.0.0.1:{http}", f"--syslog-tcp=127.0.0.1:{syslog}"]
            done = subprocess.run([*ask, f"--password-file={tmp_path / 'password'}"], capture_output=True, text=True, timeout=90)
            assert done.returncode == 0, done.stderr
            done = subprocess.run([*ask, "--within-s=1"], capture_output=True, text=True, timeout=90)
            assert done.returncode == 1 and "401" in done.stderr, done.stderr
        finally:
            server.terminate()
            said = server.communicate(timeout=60)[1]
    assert password.decode() not in said


def test_source_ranges_bind_the_network_policy_too():
    policy = of_kind(objects("trial"), "NetworkPolicy")["spec"]
    [syslog] = [it for it in policy["ingress"] if any(port["port"] == "syslog-udp" for port in it["ports"])]
    assert {"ipBlock": {"cidr": "192.0.2.0/24"}} in syslog["from"]


REFUSED = {
    # Typing errors, at several depths.
    "persistance.size=1Gi": "persistance",
    "persistence.siez=1Gi": "siez",
    "syslog.service.externalTrafficPolicy=local": "externalTrafficPolicy",
    "syslog.tcp.ports=514": "ports",
    "settings.device_timezone=Asia/Tokyo": "device_timezone",
    "settings.http=0.0.0.0:1": "http",
    "probes.startup.period=1": "period",
    "containerSecurityContext.capabilities.dorp[0]=ALL": "dorp",
    "extraEnv[0].nmae=A": "nmae",
    "tolerations[0].kye=a": "kye",
    "networkPolicy.httpFrom[0].ipBlocks.cidr=10.0.0.0/8": "ipBlocks",
    "persistence.size=100": "persistence",
    "syslog.udp.port=70000": "port",
    "terminationGracePeriodSeconds=5": "terminationGracePeriodSeconds",
    "containerSecurityContext.privileged=true": "privileged",
    "siteRules.programs.panos-traffic=x": "panos-traffic",
    # Pods that know nothing of each other.
    "replicas=2": "replicas",
    # Combinations.
    "security.insecure=true,http.service.type=LoadBalancer": "asks nobody for credentials",
    "security.insecure=true,ingress.enabled=true,ingress.hosts[0]=a.example": "asks nobody for credentials",
    "security.insecure=true,gateway.enabled=true,gateway.parentRefs[0].name=a": "asks nobody for credentials",
    "syslog.tls.enabled=true": "existingSecret",
    "certManager.enabled=true": "syslog.tls.enabled",
    "syslog.tls.enabled=true,certManager.enabled=true": "issuerRef.name",
    "syslog.udp.enabled=false,syslog.tcp.enabled=false": "syslog.service.enabled",
    "hec.token=a,hec.existingSecret=b": "exclude each other",
    "ingress.enabled=true": "ingress.hosts",
    "http.tls.enabled=true": "http.tls.existingSecret",
    "serviceMonitor.enabled=true": "/metrics asks for credentials",
    "certManager.enabled=true,certManager.issuerRef.name=a,http.tls.enabled=true,http.tls.existingSecret=b": "nothing to issue",
    "security.admin.password=a": "password",
    "settings.insecure=true": "insecure",
}


@pytest.mark.parametrize("sets", REFUSED)
def test_refused(sets):
    done = template("--set", sets)
    assert done.returncode != 0, "it was taken"
    assert REFUSED[sets] in done.stderr, done.stderr


def test_attributes_class_needs_its_kubernetes():
    assert "1.31" in template("--set", "persistence.volumeAttributesClassName=fast", version="1.30").stderr
    assert template("--set", "persistence.volumeAttributesClassName=fast", version="1.31").returncode == 0


def test_an_older_kubernetes_than_promised_is_refused():
    assert template(version="1.23").returncode != 0


def schemas(node, at="#"):
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield at, node
        for key, value in node.items():
            yield from schemas(value, f"{at}/{key}")
    if isinstance(node, list):
        for number, value in enumerate(node):
            yield from schemas(value, f"{at}/{number}")


def test_the_schema_is_strict_at_every_level():
    schema = json.loads((CHART / "values.schema.json").read_text())
    open_ones = []
    for at, it in schemas(schema):
        more = it.get("additionalProperties", True)
        # A map of texts is closed: its values are.
        if more is True and "$comment" not in it:
            open_ones.append(at)
    assert open_ones == []
    kubernetes = [at for at, it in schemas(schema) if it.get("additionalProperties", True) is True]
    assert len(kubernetes) <= 8, "objects of Kubernetes are opaque here; ours must not be"


def test_schema_and_values_have_the_same_keys():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def compare(values, schema, at=""):
        assert set(values) <= set(schema["properties"]), at
        for key, value in values.items():
            own = schema["properties"][key]
            if isinstance(value, dict) and own.get("properties") and value:
                compare(value, own, f"{at}.{key}")

    compare(values, schema)
    assert set(schema["properties"]) - set(values) == {"global"}


def test_every_setting_of_the_server_is_the_charts_or_in_the_schema():
    told = subprocess.run([os.environ["SEKISHO"], "serve", "--help"], capture_output=True, text=True, check=True).stdout
    flags = {it.replace("-", "_") for it in re.findall(r"^\s+--([a-z-]+)", told, re.M)} - {"config", "help"}
    in_schema = set(json.loads((CHART / "values.schema.json").read_text())["properties"]["settings"]["properties"])
    charts = {
        "data_dir", "http", "syslog_udp", "syslog_tcp", "syslog_tls", "syslog_tls_certificate", "syslog_tls_key",
        "syslog_tls_client_ca", "insecure", "allowed_hosts", "hec_token", "pipelines_dir", "lists_dir",
        "require_login", "http_tls", "http_tls_certificate", "http_tls_key", "http_tls_client_ca", "admin_password", "admin_password_file", "public_metrics",
    }
    assert flags, told
    assert in_schema & charts == set()
    assert in_schema | charts == flags


def test_the_server_takes_the_settings_file(tmp_path):
    """The real server starts with the rendered file; only where it writes, listens and finds its files is another place."""
    text = settings(objects("everything"))
    for path, kind in (("/data", "data"), ("/etc/sekisho/programs", "programs"), ("/etc/sekisho/lists", "lists")):
        (tmp_path / kind).mkdir()
        text = text.replace(f'"{path}"', f'"{tmp_path / kind}"')
    text = re.sub(r'0\.0\.0\.0:\d+', "127.0.0.1:0", text).replace(",[::]:5514", "").replace(",[::]:6514", "")
    (tmp_path / "sekisho.toml").write_text(text)
    server = [os.environ["SEKISHO"], "serve", "--config", str(tmp_path / "sekisho.toml")]
    # The certificate is not there: that it is looked for says that everything before was understood.
    done = subprocess.run(server, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "/etc/sekisho/tls/ca.crt" in done.stderr + done.stdout, done.stderr + done.stdout
    # And a file with a typing error is not.
    (tmp_path / "sekisho.toml").write_text(text + "device_timezone = \"UTC\"\n")
    done = subprocess.run(server, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "device_timezone" in done.stderr + done.stdout


@each_set
def test_every_service_name_is_an_allowed_host(values):
    everything = objects(values)
    name = of_kind(everything, "StatefulSet")["metadata"]["name"]
    hosts = json.loads(re.search(r"^allowed_hosts = (.*)$", settings(everything, name), re.M)[1])
    for it in everything:
        if it["kind"] == "Service" and "http" in {port["name"] for port in it["spec"]["ports"]}:
            assert f"{it['metadata']['name']}.logs.svc" in hosts
        if it["kind"] == "Ingress":
            assert {rule["host"] for rule in it["spec"]["rules"]} <= set(hosts)
        if it["kind"] == "HTTPRoute":
            assert set(it["spec"]["hostnames"]) <= set(hosts)


@each_set
def test_the_test_pod_asks_where_the_server_is(values):
    everything = objects(values)
    spec = next(spec for _, spec in pods(everything) if spec.get("restartPolicy") == "Never")
    arguments = spec["containers"][0]["args"]
    told = subprocess.run([os.environ["SEKISHO"], arguments[0], "--help"], capture_output=True, text=True, check=True).stdout
    for it in arguments[1:]:
        assert it.split("=")[0] in told
    http = next(it for it in arguments if it.startswith("--http=")).removeprefix("--http=")
    name = of_kind(everything, "StatefulSet")["metadata"]["name"]
    hosts = json.loads(re.search(r"^allowed_hosts = (.*)$", settings(everything, name), re.M)[1])
    assert http.removeprefix("https://").rsplit(":", 1)[0] in hosts


def test_notes_name_the_address_for_the_firewall():
    done = helm("install", "rel", CHART, "--namespace", "logs", "--dry-run=client")
    notes = done.stdout.partition("NOTES:")[2]
    assert "kubectl get service -n logs rel-sekisho-syslog" in notes
    assert re.search(r"UDP: +port 514", notes) and re.search(r"TCP: +port 514", notes)
    assert "SECURITY" in notes and "helm test rel" in notes
    # How to read the password, and not the password.
    assert "kubectl get secret -n logs rel-sekisho-admin -o go-template='{{index .data \"password\" | base64decode}}'" in notes


def test_the_package_leaves_the_cases_out(tmp_path):
    done = helm("package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(["tar", "tf", *tmp_path.glob("*.tgz")], capture_output=True, text=True, check=True).stdout
    assert "sekisho/values.schema.json" in listed and "sekisho/dashboards/sekisho.json" in listed and "/ci/" not in listed
