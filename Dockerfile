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
# What else is in the two programs: the packages of all headers that were compiled into them, which are
# also those of their static libraries. The final stage has none of these, so it gets their licences.
RUN mkdir -p inventory/licences \
 && ninja -C build/release -t deps | awk '$1 ~ "^/usr/" { print $1 }' | sort -u \
  | xargs dpkg -S | cut -d: -f1 | sort -u > inventory/compiled \
 && test -s inventory/compiled \
 && while read -r package; do \
      cp -L "/usr/share/doc/$package/copyright" "inventory/licences/$package" || exit 1; \
    done < inventory/compiled \
 && xargs -a inventory/compiled dpkg-query -W -f 'compiled\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t/usr/share/doc/negatron/licences/${Package}\n' \
  > inventory/compiled.tsv

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
 && install -d -o 65532 -g 65532 -m 0750 /data /backups
COPY --from=build /src/LICENSE /usr/share/doc/negatron/LICENSE
COPY --from=build /src/build/release/bin/negatrond /src/build/release/bin/negatron /usr/bin/
COPY --from=build /src/inventory/licences /usr/share/doc/negatron/licences
COPY --from=build /src/inventory/compiled.tsv /tmp/compiled.tsv
# The list of what is in the image; a licence that the base image has left out is a dash.
# deploy/README.md explains its columns.
RUN version="$(negatrond --version | cut -d' ' -f2)" \
 && test -n "$version" \
 && { printf 'kind\tpackage\tversion\tarchitecture\tsource\tsource_version\tlicence_file\n'; \
      printf 'program\tnegatron\t%s\t%s\tnegatron\t%s\t/usr/share/doc/negatron/LICENSE\n' \
        "$version" "$(dpkg --print-architecture)" "$version"; \
      dpkg-query -W -f 'installed\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t/usr/share/doc/${Package}/copyright\n'; \
      cat /tmp/compiled.tsv; \
    } | awk -F'\t' -v OFS='\t' 'NR > 1 && system("test -e " $7) { $7 = "-" } { print }' \
      > /usr/share/doc/negatron/packages.tsv \
 && rm /tmp/compiled.tsv
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
