# The daemon in an image without a shell: docker build --tag branchline . Nothing here names an
# architecture: each is built on a machine of its own kind, or emulated.
# tests/infra/test_container.py holds this to Cargo.toml and infra/consumer.tf.

# The Rust of Cargo.toml's rust-version, by tag, so that a rebuild brings what Debian has mended.
# Its Debian is that of the second stage: a binary wants no older glibc than the one it was linked
# with.
FROM rust:1.95-slim-trixie AS builder
WORKDIR /build

# Dependencies have a layer of their own, which stays until one of them changes: our own code is two
# empty files here. What was made of these goes again, or cargo would take sources that are older
# than it for the ones it has built.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' >src/main.rs \
    && touch src/lib.rs \
    && cargo build --locked --release \
    && cargo clean --locked --release --package branchline \
    && rm -r src

COPY src src
RUN cargo build --locked --release

# glibc, certificates, and a user without rights: no shell, no package manager.
FROM gcr.io/distroless/cc-debian13:nonroot

# Version, revision and source are known to whoever builds: .github/workflows/ci.yml adds them.
LABEL org.opencontainers.image.title="branchline" \
      org.opencontainers.image.description="Gives every pull request its own AWS CodePipeline, from GitHub webhooks in SQS" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

COPY LICENSE LICENSE-APACHE LICENSE-MIT /usr/share/doc/branchline/
COPY --from=builder /build/target/release/branchline /usr/local/bin/branchline

# Where branchline.toml is looked for, unless BRANCHLINE_CONFIG says otherwise. Nothing is ever
# written: the root may be read-only.
WORKDIR /etc/branchline
USER 65532:65532

# What `branchline health` asks. Of this container alone; 0.0.0.0:9090 lets others read it, too.
ENV BRANCHLINE_METRICS_ADDR=127.0.0.1:9090

# The daemon drains on SIGTERM. Give it 30 s before you kill it: docker stop --time 30.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/branchline", "health"]

ENTRYPOINT ["/usr/local/bin/branchline"]
CMD ["run"]
