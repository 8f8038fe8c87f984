# SPDX-License-Identifier: Apache-2.0
#
# The image of negatrond and of the `negatron` command:
#
#   docker build -t negatron .
#   docker run --read-only -v negatron-data:/data -p 127.0.0.1:7600:7600 -e NEGATRON_INSECURE=true negatron
#
# Without TLS the server refuses to listen beyond its own machine unless it is told so, as here.
#
# SUITE chooses the Debian release, bookworm or trixie.
ARG SUITE=bookworm

FROM docker.io/library/debian:${SUITE}-slim AS build
WORKDIR /src
# Alone, so that the layer of packages stays until `dev` changes.
COPY dev ./
RUN ./dev setup build
COPY . .
RUN ./dev build --preset release negatrond negatron \
 && strip build/release/bin/negatrond build/release/bin/negatron
# What to install in the final stage: the owners of the libraries that the two programs name. Their
# own dependencies follow by apt, and the names differ between Debian releases.
RUN objdump -p build/release/bin/negatrond build/release/bin/negatron \
  | awk '$1 == "NEEDED" { print "*/" $2 }' | sort -u | xargs dpkg -S | cut -d: -f1 | sort -u \
  > runtime-packages \
 && cat runtime-packages

FROM docker.io/library/debian:${SUITE}-slim
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Negatron" \
      org.opencontainers.image.description="Negative examples for trainers of recommenders, over gRPC" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/runtime-packages /tmp/runtime-packages
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive xargs -a /tmp/runtime-packages \
      apt-get install -y -q --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt/* /var/log/dpkg.log /tmp/runtime-packages \
 && groupadd --gid 65532 negatron \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin negatron \
 && install -d -o 65532 -g 65532 -m 0750 /data
COPY --from=build /src/LICENSE /usr/share/doc/negatron/LICENSE
COPY --from=build /src/build/release/bin/negatrond /src/build/release/bin/negatron /usr/bin/
# The program itself listens on 127.0.0.1 only, which nobody outside the container could reach. Who
# reaches the container's port is decided where it is published: see deploy/README.md.
ENV NEGATRON_LISTEN=0.0.0.0:7600 \
    NEGATRON_METRICS_LISTEN=0.0.0.0:7601 \
    NEGATRON_DATA_DIR=/data
USER 65532:65532
VOLUME ["/data"]
EXPOSE 7600 7601
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/usr/bin/negatrond", "--healthcheck"]
ENTRYPOINT ["/usr/bin/negatrond"]
