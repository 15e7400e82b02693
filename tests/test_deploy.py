"""The manifests: valid by Kubernetes' schemas, and true to the service that they start."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

yaml = pytest.importorskip("yaml", reason="needs PyYAML (the extra [train])")

DEPLOY = ROOT / "deploy"
MANIFEST = DEPLOY / "kubernetes" / "tfpose.yaml"


def _resources() -> dict[str, dict[str, Any]]:
    """By kind; there is one of each."""
    found = list(yaml.safe_load_all(MANIFEST.read_text()))
    resources = {one["kind"]: one for one in found}
    assert len(resources) == len(found) == 5
    return resources


def _container() -> dict[str, Any]:
    (container,) = _resources()["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(container)


def _serve_flags() -> dict[str, Any]:
    """What the container's arguments say to `tfpose serve`."""
    pytest.importorskip("fastapi", reason="needs the extra [serve]")
    from tfpose.commands.running import serve

    program, command, *told = _container()["args"]
    assert (program, command) == ("tfpose", "serve")
    serve.FLAGS.unparse_flags()
    serve.FLAGS(["tfpose serve", *told])
    return {name: serve.FLAGS[name].value for name in serve.FLAGS}


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_every_resource_is_valid_by_the_strict_schemas(version: str) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    for resource in _resources().values():
        validate.validate(resource, version, strict=True)


def test_the_validator_finds_a_misspelt_field() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    budget = _resources()["PodDisruptionBudget"]
    budget["spec"]["maxUnavailabel"] = budget["spec"].pop("maxUnavailable")
    with pytest.raises(validate.ValidationError, match="maxUnavailabel"):
        validate.validate(budget, "1.37", strict=True)


def test_everything_is_about_the_same_pods() -> None:
    found = _resources()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        found["Service"]["spec"]["selector"],
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector == labels for selector in selectors)
    target = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == found["Deployment"]["metadata"]["name"]


def test_ports_and_probes_are_the_services() -> None:
    flags, container = _serve_flags(), _container()
    from tfpose.serving.routes import pages

    (port,) = container["ports"]
    assert port["containerPort"] == flags["port"]
    (rule,) = _resources()["NetworkPolicy"]["spec"]["ingress"]
    assert rule["ports"][0]["port"] == flags["port"]
    annotations = _resources()["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    paths = {getattr(route, "path", "") for route in pages.router.routes}
    probes = {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness")}
    assert probes == {"/readyz"}
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert {"/readyz", "/healthz", annotations["prometheus.io/path"]} <= paths
    assert annotations["prometheus.io/port"] == str(flags["port"])


def test_a_pod_is_given_the_time_that_it_needs_to_drain() -> None:
    flags, probe = _serve_flags(), _container()["readinessProbe"]
    spec = _resources()["Deployment"]["spec"]["template"]["spec"]
    seconds = flags["drain_seconds"] + flags["answer_seconds"]
    assert spec["terminationGracePeriodSeconds"] > seconds + 10
    assert flags["drain_seconds"] > probe["periodSeconds"] * probe["failureThreshold"]


def test_the_autoscaler_reads_a_figure_that_the_service_shows() -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra [serve]")
    from prometheus_client import generate_latest

    from tfpose.serving.metrics import Metrics

    metrics = _resources()["HorizontalPodAutoscaler"]["spec"]["metrics"]
    (name,) = (one["pods"]["metric"]["name"] for one in metrics if one["type"] == "Pods")
    assert f"\n{name} 0.0\n" in generate_latest(Metrics().registry).decode()
    adapter = yaml.safe_load((DEPLOY / "kubernetes" / "prometheus-adapter.yaml").read_text())
    (rule,) = adapter["rules"]["custom"]
    assert rule["name"]["as"] == name
    assert rule["seriesQuery"].startswith(name + "{")


def test_the_name_of_the_service_is_let_in() -> None:
    hosts = _serve_flags()["allowed_hosts"]
    name = _resources()["Service"]["metadata"]["name"]
    assert {name, f"{name}.default.svc.cluster.local"} <= set(hosts)


def test_tensorflow_serving_reads_its_list_of_models() -> None:
    config = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2",
        reason="needs tensorflow-serving-api",
    )
    from google.protobuf import text_format

    text = (DEPLOY / "tensorflow_serving" / "models.config").read_text()
    found = text_format.Parse(text, config.ModelServerConfig())
    assert [model.name for model in found.model_config_list.config] == ["pose"]


def test_batches_have_the_sizes_that_are_allowed() -> None:
    """BatchingParameters' own schema is in no package: the rules of its comments are tried."""
    rows = [
        line.replace("{ value:", "").replace("}", "").replace(":", "").split()
        for line in (DEPLOY / "tensorflow_serving" / "batching.config").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    allowed = [int(value) for name, value in rows if name == "allowed_batch_sizes"]
    rest = {name: int(value) for name, value in rows if name != "allowed_batch_sizes"}
    assert allowed == sorted(set(allowed))
    assert allowed[-1] == rest["max_batch_size"]  # TensorFlow Serving refuses anything else
    assert set(rest) == {
        "max_batch_size",
        "batch_timeout_micros",
        "max_enqueued_batches",
        "num_batch_threads",
    }


@pytest.mark.soak
def test_the_load_script_loads_a_service_of_ours(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="needs the extra [serve]")
    found = subprocess.run(
        [sys.executable, "-m", "locust", "--version"], capture_output=True, check=False
    )
    if found.returncode:
        pytest.skip("needs locust")
    service = subprocess.Popen(
        [sys.executable, "-m", "tfpose", "serve", "--port=0", "--lanes=1", "--height=128"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert service.stderr is not None
        line = next(row for row in service.stderr if "running on" in row)
        address = line.split("running on ")[1].split()[0].strip('",')
        told = ["--headless", "--users=2", "--run-time=12s", "--stop-timeout=10"]
        told += [f"--host={address}", f"--csv={tmp_path / 'load'}"]
        ran = subprocess.run(
            [sys.executable, "-m", "locust", f"--locustfile={DEPLOY / 'locustfile.py'}", *told],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        rows = (tmp_path / "load_stats.csv").read_text().splitlines()
        names = rows[0].split(",")
        total = dict(zip(names, rows[-1].split(","), strict=True))
        assert int(total["Request Count"]) > 0
        assert int(total["Failure Count"]) == 0
    finally:
        service.terminate()
        service.wait(30)
        service.stderr.close()
