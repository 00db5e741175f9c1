# SPDX-License-Identifier: Apache-2.0
# Both images. Nothing but the program, its libraries and the loader is in them.
#   docker build --target engine   -t stillhead .
#   docker build --target operator -t stillhead-operator .
# buildah works the same. --build-arg BASE=... names another Debian 12; a folder mounted at /ccache
# (buildah: --volume DIR:/ccache) keeps compiled objects between builds.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
ENV CCACHE_DIR=/ccache CCACHE_MAXSIZE=1G
WORKDIR /src
COPY tools/install_dependencies.sh tools/
COPY tools/packages/build.txt tools/packages/
RUN tools/install_dependencies.sh --for build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release && cmake --build --preset release
# Each image's root: the bundle below /opt, the program's usual path, the loader where the kernel
# looks for it, a user without rights. Beside the engine: the package for programs that call Alembic's Python API.
RUN set -eu; for pair in engine:stillhead operator:stillhead-operator; do \
      root=/image/${pair%%:*} program=${pair#*:}; \
      mkdir -p "$root/opt" "$root/usr/bin" "$root/etc"; \
      tools/make_bundle "$program" "$root/opt/$program"; \
      ln -s "/opt/$program/bin/$program" "$root/usr/bin/$program"; \
      loader=$(readelf --program-headers "$root/opt/$program/bin/$program" \
               | sed -n 's/.*interpreter: \(.*\)]$/\1/p'); \
      mkdir -p "$root$(dirname "$loader")"; \
      ln -s "/opt/$program/lib/ld.so" "$root$loader"; \
      echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' > "$root/etc/passwd"; \
      echo 'nonroot:x:65532:' > "$root/etc/group"; \
      install -D -m 644 -t "$root/usr/share/doc/$program" LICENSE; \
    done; \
    mkdir -p /image/engine/opt/stillhead/python; \
    cp -r engine/python/pyproject.toml engine/python/stillhead /image/engine/opt/stillhead/python

FROM scratch AS engine
ARG VERSION=
LABEL org.opencontainers.image.title="stillhead" \
      org.opencontainers.image.description="Runs database schema migrations" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /image/engine/ /
USER 65532:65532
ENTRYPOINT ["/usr/bin/stillhead"]

FROM scratch AS operator
ARG VERSION=
LABEL org.opencontainers.image.title="stillhead-operator" \
      org.opencontainers.image.description="Runs DatabaseMigration resources of a Kubernetes cluster" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /image/operator/ /
USER 65532:65532
ENTRYPOINT ["/usr/bin/stillhead-operator"]
