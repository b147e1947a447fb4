"""The nginx proxy of deploy/, in front of processes on this machine."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.servers.processes import missing, running
from tests.servers.redis import free_port

_CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
_COPIES = re.compile(r"server service:2508(.*?)( resolve)?;")
# The configuration resolves names of Docker; here copies have addresses.
_RESOLVING = re.compile(r"^ *resolver.*\n", re.MULTILINE)


@asynccontextmanager
async def nginx(folder: Path, copies: Sequence[str]) -> AsyncIterator[str]:
    """The URL of nginx. Only addresses and writable folders of its configuration are changed."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing("nginx", "apt install nginx, or brew install nginx")
    port = free_port()
    text = _CONFIGURATION.read_text()
    text = _RESOLVING.sub("", text)
    text = _COPIES.sub(
        lambda found: "\n".join(f"server {address}{found[1]};" for address in copies), text
    )
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    text = text.replace("http {", f"http {{ access_log off; {places}", 1)
    if os.geteuid() == 0:
        text = f"user root;\n{text}"  # otherwise its workers could not read the folder
    file = folder / "nginx.conf"
    file.write_text(text)
    orders = f"daemon off; pid {folder / 'pid'}; error_log stderr notice;"
    command = [program, "-e", "stderr", "-c", str(file), "-g", orders]
    async with running(command, until="start worker process "):
        yield f"http://127.0.0.1:{port}"
