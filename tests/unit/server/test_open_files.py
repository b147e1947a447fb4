"""The limit of connections for a process that may have few files open."""

import subprocess
import sys

import pytest

_ASK = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from entrypoints.settings.connections import ConnectionSettings
from entrypoints.server.server import within_open_files
print(within_open_files(ConnectionSettings(max_connections=400)).max_connections)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "files"),
    [
        pytest.param(256, 256, 53, 256, id="too few for all"),
        pytest.param(256, 4096, 400, 1296, id="the limit can be raised"),
        pytest.param(2048, 4096, 400, 2048, id="enough"),
        pytest.param(64, 64, 10, 64, id="hardly any"),
    ],
)
def test_connections_are_limited_so_that_each_may_have_an_upload_on_disk(
    soft: int, hard: int, connections: int, files: int
) -> None:
    asked = [sys.executable, "-c", _ASK.format(soft=soft, hard=hard)]
    answer = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
    assert list(map(int, answer)) == [connections, files]
