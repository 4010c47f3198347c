//! Parses X-Ray's header ("Tracing header" in the X-Ray guide):
//! `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Returns the parent's context; `None` if the header names no parent, or is not valid.
pub(super) fn read(header: &str) -> Option<SpanContext> {
    let part = |name: &str| {
        header
            .split(';')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let root = part("Root")?.strip_prefix("1-")?;
    let (time, unique) = root.split_once('-')?;
    let sizes = (time.len(), unique.len());
    let trace = (sizes == (8, 24)).then(|| format!("{time}{unique}"))?;
    let flags = match part("Sampled") {
        Some("0") => TraceFlags::NOT_SAMPLED,
        Some(_) | None => TraceFlags::SAMPLED,
    };
    let context = SpanContext::new(
        TraceId::from_hex(&trace).ok()?,
        SpanId::from_hex(part("Parent")?).ok()?,
        flags,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_the_trace_its_span_and_the_sampling_decision() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let context = read(header).unwrap();
        assert_eq!(
            (
                context.trace_id().to_string(),
                context.span_id().to_string()
            ),
            (
                "5759e988bd862e3fe1be46a994272793".to_owned(),
                "53995c3f42cd8ad8".to_owned()
            )
        );
        assert!(context.is_sampled() && context.is_remote());
        let not = read(&header.replace("Sampled=1", "Sampled=0")).unwrap();
        assert!(!not.is_sampled());
    }

    #[test]
    fn an_invalid_header_or_one_without_a_parent_gives_no_context() {
        for header in [
            "",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
            "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
            "Root=1-5759e988-bd862e3fe1be46a99427279;Parent=53995c3f42cd8ad8",
            "Root=1-5759e988-zd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
            "Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8",
            "Parent=53995c3f42cd8ad8;Root=1-é",
        ] {
            assert_eq!(read(header), None, "{header}");
        }
    }
}
