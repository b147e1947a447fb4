"""The manifests of every overlay, as rendered."""

import re
from pathlib import Path

import kubernetes_validate
import pytest

from entrypoints.settings import SETTINGS as FIELDS
from tests.deploy.manifests import (
    NAME,
    OVERLAYS,
    ROOT,
    container,
    megabytes,
    only,
    pod,
    rendered,
)

SEVERAL = [overlay for overlay in OVERLAYS if overlay.name != "single-node"]
SETTINGS = {name.upper() for name in FIELDS}
# Kinds of other projects, for which Kubernetes has no schemas.
FOREIGN = {"InferenceService"}
NGINX = (ROOT / "deploy" / "nginx.conf").read_text()

overlays = pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)


def test_there_is_an_overlay_for_each_deployment() -> None:
    names = {overlay.name for overlay in OVERLAYS}
    assert names == {"single-node", "cloud", "inference-server", "autoscaling"}


@overlays
def test_every_object_matches_its_kubernetes_schema(overlay: Path) -> None:
    version = kubernetes_validate.latest_version()
    for each in rendered(overlay):
        if each["kind"] not in FOREIGN:
            kubernetes_validate.validate(each, version, strict=True)


@overlays
def test_every_setting_exists_and_no_secret_is_in_the_manifests(overlay: Path) -> None:
    settings = only(overlay, "ConfigMap")["data"]
    assert set(settings) <= SETTINGS
    for name in settings:
        assert "SecretStr" not in str(FIELDS[name.lower()].annotation), name
    for variable in container(overlay)["env"]:
        assert variable["name"] in SETTINGS
        assert "value" not in variable
    assert "Secret" not in {each["kind"] for each in rendered(overlay)}


@overlays
def test_every_pod_meets_the_restricted_pod_security_standard(overlay: Path) -> None:
    for each in rendered(overlay):
        if each["kind"] not in {"StatefulSet", "Deployment"}:
            continue
        spec = each["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one in spec["containers"]:
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(one["resources"]["limits"])


@overlays
def test_the_pod_runs_as_the_user_of_the_image_and_writes_only_to_volumes(overlay: Path) -> None:
    user = re.search(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user is not None
    assert str(pod(overlay)["securityContext"]["runAsUser"]) == user[1]
    mounted = {mount["mountPath"] for mount in container(overlay)["volumeMounts"]}
    assert mounted == {only(overlay, "ConfigMap")["data"]["DATA_DIR"], "/tmp"}
    (claim,) = only(overlay, "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] in {
        each["name"] for each in container(overlay)["volumeMounts"]
    }


@overlays
def test_the_volume_outlives_its_copy(overlay: Path) -> None:
    kept = only(overlay, "StatefulSet")["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@overlays
def test_the_grace_period_is_long_enough(overlay: Path) -> None:
    pause_s = container(overlay)["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace_s = float(only(overlay, "ConfigMap")["data"]["SHUTDOWN_GRACE_S"])
    assert pod(overlay)["terminationGracePeriodSeconds"] >= pause_s + grace_s + 10


@overlays
def test_the_probes_allow_the_service_enough_time(overlay: Path) -> None:
    paths = {
        name: container(overlay)[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert container(overlay)["readinessProbe"]["timeoutSeconds"] > 2, "each part may take 2 s"
    (port,) = container(overlay)["ports"]
    assert str(port["containerPort"]) == only(overlay, "ConfigMap")["data"]["PORT"]


@overlays
def test_memory_limits_follow_the_formula_of_the_operations_guide(overlay: Path) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    formulas = re.search(r"```text\n((?:\d+ \+ .*\n)+)```", guide)
    assert formulas is not None
    given = only(overlay, "ConfigMap")["data"]
    values = {
        name: float(given.get(name, FIELDS[name.lower()].default))
        for name in SETTINGS
        if name in formulas[1]
    }
    arithmetic = formulas[1].replace("×", "*").replace(",", "")
    needed_mb = max(eval(line, {"__builtins__": {}}, values) for line in arithmetic.splitlines())
    resources = container(overlay)["resources"]
    assert megabytes(resources["requests"]["memory"]) >= needed_mb > 400
    assert megabytes(resources["limits"]["memory"]) >= needed_mb


@overlays
def test_selectors_match_their_pods_and_ports(overlay: Path) -> None:
    template = only(overlay, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = only(overlay, kind)["spec"]
        selector = spec.get("podSelector") or spec["selector"]
        assert selector.get("matchLabels", selector).items() <= template.items(), kind
    headless = only(overlay, "Service", only(overlay, "StatefulSet")["spec"]["serviceName"])
    assert headless["spec"]["clusterIP"] == "None"
    names = {port["name"] for port in container(overlay)["ports"]}
    assert {port["targetPort"] for port in only(overlay, "Service")["spec"]["ports"]} <= names
    (rule,) = only(overlay, "Ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": NAME, "port": {"name": "http"}}


@pytest.mark.parametrize(
    ("directive", "annotations"),
    {
        "client_max_body_size": ("nginx.org/client-max-body-size", "proxy-body-size"),
        "proxy_read_timeout": ("nginx.org/proxy-read-timeout", "proxy-read-timeout"),
        "proxy_send_timeout": ("nginx.org/proxy-send-timeout", "proxy-send-timeout"),
        "proxy_connect_timeout": ("nginx.org/proxy-connect-timeout", "proxy-connect-timeout"),
        "proxy_buffering": ("nginx.org/proxy-buffering", "proxy-buffering"),
        "proxy_request_buffering": (None, "proxy-request-buffering"),
        "proxy_next_upstream": (None, "proxy-next-upstream"),
        "proxy_next_upstream_timeout": (None, "proxy-next-upstream-timeout"),
        "limit_conn connections_of_address": (None, "limit-connections"),
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_ingress_is_configured_like_the_proxy_of_compose(
    directive: str, annotations: tuple[str | None, str]
) -> None:
    found = re.search(rf"^ +{directive} ([^;]+);", NGINX, re.MULTILINE)
    assert found is not None
    said = only(OVERLAYS[0], "Ingress")["metadata"]["annotations"]
    ours, community = annotations
    assert said[f"nginx.ingress.kubernetes.io/{community}"] in {found[1], found[1].rstrip("s")}
    if ours is not None:
        assert said[ours] == {"off": "False"}.get(found[1], found[1])


@pytest.mark.parametrize("overlay", SEVERAL, ids=lambda overlay: overlay.name)
def test_several_copies_share_stores_and_secret(overlay: Path) -> None:
    settings = only(overlay, "ConfigMap")["data"]
    assert settings["REPOSITORY"] == "mongodb"
    assert settings["IMAGE_STORE"] == "cloudinary"
    assert settings["AUTH"] == "firebase"
    assert settings["SOCKETIO_TRANSPORTS"] == "websocket", "no copy is remembered by the Ingress"
    secret = {each["name"] for each in container(overlay)["env"]}
    assert {"SECRET_KEY", "MONGODB_URI", "REDIS_URL"} <= secret
    assert only(overlay, "StatefulSet")["spec"].get("replicas", 3) == 3


def test_the_single_node_overlay_allows_no_outgoing_traffic() -> None:
    (single,) = [overlay for overlay in OVERLAYS if overlay not in SEVERAL]
    policy = only(single, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert not policy.get("egress")


def test_the_classifier_is_called_at_the_address_of_the_inference_service() -> None:
    (overlay,) = [each for each in OVERLAYS if each.name == "inference-server"]
    settings = only(overlay, "ConfigMap")["data"]
    (serving,) = [each for each in rendered(overlay) if each["kind"] == "InferenceService"]
    service = only(overlay, "Service", "emotion-classifier")
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    assert settings["CLASSIFIER"] == "remote"
    assert settings["REMOTE_CLASSIFIER_URL"] == f"http://{name}.{namespace}.svc"
    assert service["spec"]["selector"] == {
        "serving.kserve.io/inferenceservice": serving["metadata"]["name"]
    }
    assert serving["metadata"]["namespace"] == namespace
    model = serving["spec"]["predictor"]["model"]
    assert model["protocolVersion"] == "v2", "the Open Inference Protocol that the service speaks"
    (claim,) = [each for each in rendered(overlay) if each["kind"] == "PersistentVolumeClaim"]
    assert model["storageUri"] == f"pvc://{claim['metadata']['name']}"
    reached = [
        rule["to"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in only(overlay, "NetworkPolicy")["spec"]["egress"]
        if "namespaceSelector" in rule.get("to", [{}])[0]
    ]
    assert namespace in reached


def test_only_the_autoscaler_sets_the_number_of_copies() -> None:
    (overlay,) = [each for each in OVERLAYS if each.name == "autoscaling"]
    scaler = only(overlay, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == only(overlay, "StatefulSet")["metadata"]["name"]
    assert "replicas" not in only(overlay, "StatefulSet")["spec"], "two would tear at it"
    assert scaler["minReplicas"] >= 2
