# One image for every node (`--target node`), and one that checks and loads them (`--target test`).

# The web pages.
FROM node:22-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci
COPY web/ ./
RUN npm run build

# The server in a virtual environment of its own, with the pages inside the package.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/crowdcue
COPY pyproject.toml requirements.txt hatch_build.py README.md ./
COPY server/ server/
COPY --from=web /src/web/dist server/crowdcue/web
# requirements.txt pins what pyproject.toml asks for.
RUN /opt/crowdcue/bin/pip install --no-cache-dir --constraint requirements.txt .

# What is shared by the two: no compiler, no npm, no root.
FROM python:3.12-slim AS base
RUN useradd --system --uid 10001 --create-home crowdcue && install -d -o crowdcue /data
COPY --from=build /opt/crowdcue /opt/crowdcue
ENV PATH=/opt/crowdcue/bin:$PATH PYTHONUNBUFFERED=1

# Checks from outside, with the same versions as a developer's.
FROM base AS test
WORKDIR /src
COPY pyproject.toml requirements.txt hatch_build.py README.md ./
COPY server/ server/
RUN pip install --no-cache-dir --constraint requirements.txt '.[dev]'
COPY compose.yaml Dockerfile .dockerignore ./
COPY nginx/ nginx/
COPY tests/ tests/
COPY loadtest/ loadtest/
USER crowdcue

# A node: the last stage, so the default one.
FROM base AS node
USER crowdcue
# The demo tunes are made here once, not by each node at its start.
RUN python -c "import pathlib, crowdcue.music.demo as demo; demo.make_demo_tunes(pathlib.Path('/data/demo'))"
EXPOSE 8080 50051
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health/ready', timeout=3)"]
ENTRYPOINT ["crowdcue"]
CMD ["serve"]
