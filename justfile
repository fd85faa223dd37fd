# What a developer runs; `./test` checks the same and installs what it needs.

# Before every commit.
check: && deny
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    if command -v cargo-nextest >/dev/null; then cargo nextest run && cargo test --doc; else cargo test; fi
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Licences, forbidden crates and sources of the dependencies.
deny:
    cargo deny check licenses bans sources

# Tests, all or those whose name contains FILTER.
test *FILTER:
    cargo test {{FILTER}}

# The daemon, on ./farhook-data.
run *ARGS:
    cargo run --release -- run {{ARGS}}

# Measurements.
bench *ARGS:
    cargo bench {{ARGS}}

# The program for a Pi 1 or a Pi Zero, which are ARMv6; it needs Docker and cross.
cross:
    CROSS_CONFIG=cross.toml CARGO_TARGET_DIR=target/cross cross build --release --locked --bin farhook --target arm-unknown-linux-gnueabihf
