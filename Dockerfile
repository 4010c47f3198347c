# Builds an image with the daemon and without a shell: docker build --tag branchline .
#
# The file names no architecture. Each one is built on its own kind of machine, or emulated.
# tests/infra/test_container.py compares the file with Cargo.toml and infra/consumer.tf.

# The Rust version of Cargo.toml, by tag, so that a rebuild includes Debian's security fixes. Both
# stages have the same Debian, because the binary needs the glibc that it was linked with, or a
# newer one.
FROM rust:1.95-slim-trixie AS builder
WORKDIR /build

# Dependencies have their own layer, which is cached until one of them changes. It is built with two
# empty source files. Their build result is removed: without that, cargo would not rebuild sources
# that are older than it.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' >src/main.rs \
    && touch src/lib.rs \
    && cargo build --locked --release \
    && cargo clean --locked --release --package branchline \
    && rm -r src

COPY src src
RUN cargo build --locked --release

# This image has glibc, certificates, and a user without privileges. It has no shell and no package
# manager.
FROM gcr.io/distroless/cc-debian13:nonroot

# scripts/ci adds the labels for version, revision and source.
LABEL org.opencontainers.image.title="branchline" \
      org.opencontainers.image.description="Gives every pull request its own AWS CodePipeline, from GitHub webhooks in SQS" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

COPY LICENSE LICENSE-APACHE LICENSE-MIT /usr/share/doc/branchline/
COPY --from=builder /build/target/release/branchline /usr/local/bin/branchline

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
