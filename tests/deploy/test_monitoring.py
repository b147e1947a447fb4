"""Dashboard and alerts: by promtool, and by a Prometheus that watches two copies of the service."""

import asyncio
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from tests.deploy.manifests import ROOT
from tests.e2e.service_process import ServiceProcess
from tests.integration.realtime.service import Client
from tests.servers.processes import missing, running
from tests.servers.redis import free_port

MONITORING = ROOT / "deploy" / "monitoring"
ALERTS = yaml.safe_load((MONITORING / "alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((MONITORING / "grafana" / "emotion-api.json").read_text())
ADAPTER = ROOT / "deploy" / "kubernetes" / "overlays" / "autoscaling" / "adapter-values.yaml"
PHOTOGRAPH = (ROOT / "entrypoints" / "web" / "static" / "samples" / "astronaut.jpg").read_bytes()
METRIC = re.compile(r"\b(?:emotion|process)_[a-z_]+\b")
# Empty without cloud stores: there are no circuit breakers.
EMPTY_WHEN_WELL = {"Circuits open", "Connections refused a second"}
# Also true when the machine that runs the tests is busy.
OF_SPEED = {"EmotionApiSlowStage", "EmotionApiDropsFrames", "EmotionApiQueueOld"}


def program(name: str) -> str:
    return shutil.which(name) or missing(name, "apt install prometheus")


def panels() -> Iterator[tuple[str, str]]:
    """Each query of the dashboard with its panel's title, as Grafana would send it."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*")
            yield panel["title"], query


def scaling() -> Iterator[tuple[str, str]]:
    """Each query that prometheus-adapter makes of its rules for the pods of a namespace."""
    for rule in yaml.safe_load(ADAPTER.read_text())["rules"]["custom"]:
        series = rule["seriesQuery"].partition("{")[0]
        query = rule["metricsQuery"].replace("<<.Series>>", series)
        query = query.replace("<<.LabelMatchers>>", 'job="emotion-api"')
        yield rule["name"]["as"], query.replace("<<.GroupBy>>", "instance")


@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", MONITORING / "alerts.yml"),
        ("check", "config", MONITORING / "prometheus.yml"),
        ("test", "rules", Path(__file__).with_name("alerts_test.yml")),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_promtool_finds_no_fault(command: tuple[str, str, Path]) -> None:
    answer = subprocess.run(
        [program("promtool"), *command], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_alert_has_a_test_that_fires_and_one_that_does_not() -> None:
    tried = [
        (case["alertname"], bool(case["exp_alerts"]))
        for test in yaml.safe_load(Path(__file__).with_name("alerts_test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    assert set(tried) == {(rule["alert"], fires) for rule in RULES for fires in (True, False)}


def test_the_operations_guide_explains_every_alert() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(EmotionApi\w+)` \| .+ \| .+ \|$", guide, re.MULTILINE)
    assert rows == [rule["alert"] for rule in RULES]


def test_the_prometheus_operator_gets_the_same_alerts() -> None:
    rule = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())
    assert rule["spec"] == ALERTS


def test_every_panel_has_a_description() -> None:
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    assert len(set(titles)) == len(titles)
    for panel in DASHBOARD["panels"]:
        if panel["type"] != "row":
            assert panel["description"].endswith("."), panel["title"]


class Watched:
    """Two copies of the service under some load, and a Prometheus that asks both every second."""

    def __init__(self, prometheus: str, copies: list[ServiceProcess]) -> None:
        self.copies = copies
        self._prometheus = prometheus

    async def ask(self, query: str) -> list[dict[str, Any]]:
        """The answer of Prometheus; an invalid query fails the test."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.get(f"{self._prometheus}/api/v1/query", params={"query": query})
        assert answer.status_code == 200, f"{query}\n{answer.text}"
        assert not answer.json().get("warnings"), answer.text
        return list(answer.json()["data"]["result"])

    async def until(self, query: str) -> list[dict[str, Any]]:
        """Its answer, once it is a number."""
        async with asyncio.timeout(60):
            while True:
                found = await self.ask(query)
                if any(series["value"][1] != "NaN" for series in found):
                    return found
                await asyncio.sleep(0.2)  # Prometheus does not notify; it scrapes once a second


@asynccontextmanager
async def prometheus(folder: Path, targets: list[str]) -> AsyncIterator[str]:
    """Prometheus with the configuration in deploy/, except for targets and interval."""
    settings = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(MONITORING / "alerts.yml")]
    (job,) = settings["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": targets}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(settings))
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
    ]
    async with running(command, until="Server is ready to receive web requests"):
        yield f"http://{address}"


async def put_under_load(copy: ServiceProcess) -> None:
    """Send images and frames of a live session, slowly, until cancelled."""
    token = (await copy.sign_in())["access_token"]
    client = Client()
    await client.connect(copy.url, {"token": token}, ["websocket"])
    await client.start()
    async with copy.client(token) as user:
        for number in itertools.count():
            await client.frame(number, PHOTOGRAPH)
            await user.post("/api/detect", files={"file": ("me.jpg", PHOTOGRAPH)})
            await asyncio.sleep(0.5)


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    copies = []
    for number in range(2):
        (folder / str(number)).mkdir()
        copies.append(ServiceProcess(folder / str(number)))
    try:
        for copy in copies:
            await copy.start()
        async with prometheus(folder, [urlsplit(copy.url).netloc for copy in copies]) as url:
            watched = Watched(url, copies)
            await watched.until('count(up{job="emotion-api"} == 1) == 2')
            load = [asyncio.create_task(put_under_load(copy)) for copy in copies]
            await watched.until("count(rate(emotion_stream_frames_total[30s]) > 0) == 2")
            yield watched
            for task in load:
                task.cancel()
            await asyncio.gather(*load, return_exceptions=True)
    finally:
        for copy in copies:
            await copy.close()


async def test_every_metric_in_a_query_exists(watched: Watched) -> None:
    async with watched.copies[0].client() as client:
        text = (await client.get("/metrics")).text
    taken = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE):
        taken.add(name)
        if kind == "histogram":
            taken |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    queries = [query for _, query in [*panels(), *scaling()]] + [rule["expr"] for rule in RULES]
    asked_for = {name for query in queries for name in METRIC.findall(query)}
    assert asked_for - taken == set()


async def test_every_query_returns_data(watched: Watched) -> None:
    for title, query in [*panels(), *scaling()]:
        await (watched.ask if title in EMPTY_WHEN_WELL else watched.until)(query)


async def test_no_alert_fires_in_normal_operation(watched: Watched) -> None:
    asked = [rule for rule in RULES if rule["alert"] not in OF_SPEED]
    true = [rule["alert"] for rule in asked if await watched.ask(rule["expr"])]
    assert true == []


async def test_an_alert_fires_when_one_of_two_copies_is_killed(watched: Watched) -> None:
    killed, left = watched.copies
    (down,) = [rule for rule in RULES if rule["alert"] == "EmotionApiDown"]
    await killed.kill()
    (firing,) = await watched.until(down["expr"])
    assert firing["metric"]["instance"] == urlsplit(killed.url).netloc
    (copies,) = await watched.ask('sum(up{job="emotion-api"})')
    assert copies["value"][1] == "1", left.url
