# Builds an image with the daemon and without a shell: docker build --tag branchline .
#
# It builds for linux/amd64 and linux/arm64, on a machine of either kind, without emulation: the
# compiler runs on the machine's own architecture, and only its output is for the other one. An
# emulated release build takes hours. tests/infra/test_container.py compares the file with
# Cargo.toml and infra/consumer.tf.

# The Rust version of Cargo.toml, by tag, so that a rebuild includes Debian's security fixes. Both
# stages have the same Debian, because the binary needs the glibc that it was linked with, or a
# newer one.
FROM --platform=$BUILDPLATFORM rust:1.95-slim-trixie AS builder
WORKDIR /build

# The C compiler and linker of the other architecture, if that is the target. Debian removes old
# versions, so a pinned one would break the build with each security fix. The file `triple` has the
# name of the target for cargo.
ARG BUILDARCH TARGETARCH
# hadolint ignore=DL3008
RUN case "$TARGETARCH" in \
        amd64) gnu=x86-64-linux-gnu triple=x86_64-unknown-linux-gnu ;; \
        arm64) gnu=aarch64-linux-gnu triple=aarch64-unknown-linux-gnu ;; \
        *) echo "no build for $TARGETARCH" >&2 && exit 1 ;; \
    esac \
    && echo "$triple" >triple \
    && rustup target add "$triple" \
    && if [ "$TARGETARCH" != "$BUILDARCH" ]; then \
        apt-get update \
        && apt-get install --yes --no-install-recommends "gcc-$gnu" "libc6-dev-$TARGETARCH-cross" \
        && rm -rf /var/lib/apt/lists/*; \
    fi

# Cargo uses these for the target that is named in them, also on a machine of that kind. Debian has
# compilers under these names in every gcc.
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CC_x86_64_unknown_linux_gnu=x86_64-linux-gnu-gcc \
    CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc

# Dependencies have their own layer, which is cached until one of them changes. It is built with two
# empty source files. Their build result is removed: without that, cargo would not rebuild sources
# that are older than it.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' >src/main.rs \
    && touch src/lib.rs \
    && cargo build --locked --release --target "$(cat triple)" \
    && cargo clean --locked --release --target "$(cat triple)" --package branchline \
    && rm -r src

COPY src src
RUN cargo build --locked --release --target "$(cat triple)" \
    && mv "target/$(cat triple)/release/branchline" /usr/local/bin/branchline

# This image has glibc, certificates, and a user without privileges. It has no shell and no package
# manager.
FROM gcr.io/distroless/cc-debian13:nonroot

# scripts/ci adds the labels for version, revision and source.
LABEL org.opencontainers.image.title="branchline" \
      org.opencontainers.image.description="Gives every pull request its own AWS CodePipeline, from GitHub webhooks in SQS" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

COPY LICENSE LICENSE-APACHE LICENSE-MIT /usr/share/doc/branchline/
COPY --from=builder /usr/local/bin/branchline /usr/local/bin/branchline

# The default location of branchline.toml, which BRANCHLINE_CONFIG overrides. The daemon never
# writes a file, so the root file system can be read-only.
WORKDIR /etc/branchline
USER 65532:65532

# The address that `branchline health` reads. Only this container can reach it. With 0.0.0.0:9090,
# others can as well.
ENV BRANCHLINE_METRICS_ADDR=127.0.0.1:9090

# On SIGTERM, the daemon finishes the messages in hand. Allow 30 s: docker stop --time 30.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/branchline", "health"]

ENTRYPOINT ["/usr/local/bin/branchline"]
CMD ["run"]
