# syntax=docker/dockerfile:1
# The service with its models, for any amd64 or arm64 host.
#
#   docker build -t emotion-api .
#   docker build -t emotion-api:vit --build-arg EXTRAS=cloud,vit .

# What the page's Live view needs comes from npm, and nothing else of Node.js stays.
FROM node:22.23.3-bookworm-slim AS page
WORKDIR /page
COPY entrypoints/web/package.json entrypoints/web/package-lock.json ./
RUN npm ci --no-audit --no-fund

FROM python:3.11.17-slim-bookworm AS build
ARG EXTRAS=cloud
# Torch for processors alone: the usual wheels bring gigabytes for graphics cards. Pip reads the
# argument as a variable; a mirror of one's own is named with --build-arg, and nothing of it stays.
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends binutils
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
# What Firebase's and Litestar's packages bring for Firestore, Cloud Storage and examples of a schema,
# of which the service loads nothing.
RUN python -m pip --python /opt/emotion-api/bin/python uninstall --yes faker google-cloud-core \
        google-cloud-firestore google-cloud-storage google-crc32c google-resumable-media grpcio \
        grpcio-status polyfactory proto-plus
COPY deploy/slim.sh /usr/local/bin/
RUN slim.sh "$(echo /opt/emotion-api/lib/python*/site-packages)"
# Bytecode of what the service loads, and of nothing else: all of it takes 90 MB, and without any the
# start takes seconds longer.
RUN cd / && /opt/emotion-api/bin/emotion-api --help > /dev/null \
    && /opt/emotion-api/bin/python -I -c 'import entrypoints.process.serve'

FROM python:3.11.17-slim-bookworm
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
