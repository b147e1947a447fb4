"""What both model cards have in common: templates, filled with facts of the weights."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from string import Template
from typing import Any

import onnxruntime


def read_facts(network: Path) -> dict[str, Any]:
    """The JSON file beside an ONNX file."""
    facts: dict[str, Any] = json.loads(network.with_suffix(".json").read_text())
    return facts


def write_card(template: Path, facts: dict[str, Any], values: dict[str, str], card: Path) -> None:
    """Fill a template.

    Args:
        template: with a `$name` for each value.
        facts: of the network, see `read_facts`.
        values: all others than name, version, checksum, size and date, which come from `facts`.
        card: the file to write.
    """
    common = {
        "name": facts["name"],
        "version": facts["version"],
        "sha256": facts["file_sha256"],
        "size": megabytes(facts),
        "made_on": facts["made_on"],
    }
    card.write_text(Template(template.read_text()).substitute(common, **values))


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage with one decimal."""
    return f"{100 * share:.1f} %"


def megabytes(facts: dict[str, Any]) -> str:
    """The size of a network's file."""
    return f"{facts['file_bytes'] / 1e6:.2f} MB"


def machine() -> str:
    """The processor and the versions that the latency was measured with."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    vnni = "avx512_vnni" in (info.read_text() if info.exists() else "")
    kind = "with AVX-512 VNNI" if vnni else "without VNNI"
    return f"{name} {kind}, onnxruntime {onnxruntime.__version__}"
