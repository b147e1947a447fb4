# syntax=docker/dockerfile:1
# The service with its models, for any amd64 or arm64 host.
#
#   docker build -t emotion-api .
#   docker build -t emotion-api:vit --build-arg EXTRAS=cloud,vit .

# What the page's Live view needs comes from npm, and nothing else of Node.js stays.
FROM node:22.23.2-bookworm-slim AS page
WORKDIR /page
COPY entrypoints/web/package.json entrypoints/web/package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM python:3.11.15-slim-bookworm AS build
ARG EXTRAS=cloud
# Torch for processors alone: the usual wheels bring gigabytes for graphics cards. Pip reads the
# argument as a variable; a mirror of one's own is named with --build-arg, and nothing of it stays.
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
# The image's own pip installs into it, so that none is left inside.
RUN python -m venv --without-pip /opt/emotion-api
WORKDIR /source
COPY pyproject.toml constraints.txt README.md ./
COPY domain domain
COPY application application
COPY adapters adapters
COPY entrypoints entrypoints
RUN python -m pip --python /opt/emotion-api/bin/python install --no-compile \
        --constraint constraints.txt ".[${EXTRAS}]"
COPY --from=page /page/node_modules /tmp/node_modules
# -I: where the package is installed, and not its source in this folder.
RUN mv /tmp/node_modules "$(/opt/emotion-api/bin/python -I -c 'import entrypoints.web as w; print(w.__path__[0])')/"
# Left out are tests and C sources of other packages, and ONNX Runtime's library for C, which Python has
# a second time. Bytecode is kept of what the service loads: the rest of it takes 90 MB, and without any
# the start takes seconds longer.
RUN find /opt/emotion-api/lib -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -r {} + \
    && find /opt/emotion-api/lib -type f \( -name '*.c' -o -name '*.pyx' -o -name '*.js.map' \
        -o -name 'libonnxruntime.so.*' \) -delete \
    && cd / && /opt/emotion-api/bin/emotion-api --help > /dev/null \
    && /opt/emotion-api/bin/python -I -c 'import entrypoints.process.serve'

FROM python:3.11.15-slim-bookworm
RUN useradd --uid 10001 --user-group --no-log-init --create-home --home-dir /app emotion \
    && install --directory --owner=emotion --mode=0700 /data
COPY --from=build /opt/emotion-api /opt/emotion-api
# The bundled networks are in the packages. What lies in models/ of the build
# folder (`emotion-api models pull` puts YuNet there) is baked in too.
COPY --chown=emotion README.md model[s] /app/models/
ENV PATH=/opt/emotion-api/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=2508 \
    DATA_DIR=/data \
    LOG_FORMAT=json
USER 10001
WORKDIR /app
VOLUME ["/data"]
EXPOSE 2508
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/healthz' % os.environ['PORT'], timeout=4)"]
CMD ["emotion-api", "serve"]
