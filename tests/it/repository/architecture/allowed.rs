//! Which folders of `src/` may name which others, as the table in ARCHITECTURE.md.

const WORKER: &[&str] = &["reconcile", "reports", "ports", "telemetry", "domain"];

/// Which folders a folder of `src/` may name beside itself. A folder that is not listed is a
/// complaint.
pub(crate) const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ports", &["domain"]),
    ("telemetry", &["domain"]),
    ("reconcile", &["ports", "telemetry", "domain"]),
    ("reports", &["ports", "telemetry", "domain"]),
    ("jobs", WORKER),
    ("worker", WORKER),
    ("aws", &["ports", "telemetry", "domain"]),
    ("github", &["ports", "telemetry", "domain"]),
    ("inspect", &["reconcile", "ports", "domain"]),
    ("config", &["domain"]),
    ("cli", &["config", "inspect", "domain"]),
    ("http", &["inspect", "telemetry", "ports", "domain"]),
    (
        "commands",
        &[
            "aws",
            "cli",
            "config",
            "domain",
            "github",
            "http",
            "inspect",
            "jobs",
            "ports",
            "reconcile",
            "reports",
            "telemetry",
            "worker",
        ],
    ),
];
