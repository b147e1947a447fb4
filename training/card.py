"""What both model cards have in common: templates, filled with facts of the weights."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any


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
