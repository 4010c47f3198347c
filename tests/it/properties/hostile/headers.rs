//! Messages whose attributes are not those that the gateway writes, and signatures that prove
//! nothing.

use branchline::domain::intake::authenticated::{CONTENT_TYPE, DELIVERY, EVENT, SIGNATURE};
use branchline::domain::intake::envelope::{Attribute, AttributeValue};

use super::input::{Input, SECRET_BODY, pull};
use crate::world::clock::START;
use crate::world::webhook::{SECRET, sign};

pub(crate) fn corpus() -> Vec<Input> {
    let mut corpus = Vec::new();
    for header in [EVENT, DELIVERY, CONTENT_TYPE, SIGNATURE] {
        corpus.extend(variants(header));
    }
    corpus.extend(signatures());
    corpus.extend(many());
    corpus
}

fn variants(header: &str) -> Vec<Input> {
    let typed = |data_type: &str, value: AttributeValue| Attribute {
        data_type: data_type.to_owned(),
        value,
    };
    let bytes = |bytes: &[u8]| typed("Binary", AttributeValue::Bytes(bytes.to_vec()));
    let right = right(header);
    let values = [
        ("missing", None),
        ("empty", Some(Attribute::text(""))),
        ("a space", Some(Attribute::text(" "))),
        ("spaces around", Some(Attribute::text(format!(" {right} ")))),
        ("a newline", Some(Attribute::text(format!("{right}\n")))),
        ("an escape sequence", Some(Attribute::text("\u{1b}[2J"))),
        ("right to left", Some(Attribute::text("\u{202e}x"))),
        ("not ASCII", Some(Attribute::text("prüfung"))),
        ("upper case", Some(Attribute::text(right.to_uppercase()))),
        ("long", Some(Attribute::text("x".repeat(300)))),
        ("a megabyte", Some(Attribute::text("x".repeat(1_000_000)))),
        ("bytes", Some(bytes(right.as_bytes()))),
        ("bytes that are not UTF-8", Some(bytes(&[0xff, 0xfe]))),
        (
            "a number",
            Some(typed("Number", AttributeValue::Text("17".to_owned()))),
        ),
        (
            "a type of its own",
            Some(typed("String.header", AttributeValue::Text(right))),
        ),
    ];
    let input =
        |(name, value)| Input::of(format!("{header}: {name}"), pull()).header(header, value);
    values.map(input).into()
}

fn right(header: &str) -> String {
    let input = Input::of("right", pull());
    let found = input
        .attributes
        .into_iter()
        .find(|(name, _)| name == header);
    let text = found.and_then(|(_, value)| value.as_text().map(str::to_owned));
    text.unwrap_or_default()
}

fn signatures() -> Vec<Input> {
    let body = pull().seal(START).body;
    let right = sign(SECRET, &body);
    let hex = right.trim_start_matches("sha256=").to_owned();
    let other = sign(SECRET, SECRET_BODY);
    let mut flipped = right.clone();
    let last = flipped.pop();
    flipped.push(if last == Some('0') { '1' } else { '0' });
    let values = [
        ("of another body", other),
        ("by another secret", sign("guess", &body)),
        ("by an empty secret", sign("", &body)),
        ("one digit off", flipped),
        ("without its prefix", hex.clone()),
        ("of SHA-1", format!("sha1={}", "0".repeat(40))),
        ("of another name", format!("sha512={hex}")),
        ("too short", right.get(..70).unwrap_or_default().to_owned()),
        ("too long", format!("{right}0")),
        ("not hexadecimal", format!("sha256={}", "g".repeat(64))),
        (
            "upper-case digits",
            format!("sha256={}", hex.to_uppercase()),
        ),
        ("twice", format!("{right},{right}")),
        ("of zeros", format!("sha256={}", "0".repeat(64))),
        ("just the prefix", "sha256=".to_owned()),
    ];
    let input = |(name, value): (&str, String)| {
        let input = Input::of(format!("{SIGNATURE}: {name}"), pull());
        input.header(SIGNATURE, Some(Attribute::text(value)))
    };
    values.map(input).into()
}

/// Attributes in other letters, twice, and among many others.
fn many() -> Vec<Input> {
    let more = |count: usize| {
        let names = (0..count).map(|number| format!("X-Other-{number}"));
        names.map(|name| (name, Attribute::text(SECRET_BODY)))
    };
    let mut full = Input::of("attributes: ten of them", pull());
    full.attributes.extend(more(6));
    let mut over = Input::of("attributes: eleven of them", pull());
    over.attributes.extend(more(7));
    let mut small = Input::of("attributes: lower-case names", pull());
    for (name, _) in &mut small.attributes {
        name.make_ascii_lowercase();
    }
    let mut twice = Input::of("attributes: a second event in other letters", pull());
    twice
        .attributes
        .push((EVENT.to_lowercase(), Attribute::text("push")));
    let mut forged = Input::of("attributes: a second signature in other letters", pull());
    forged
        .attributes
        .push((SIGNATURE.to_lowercase(), Attribute::text("sha256=00")));
    let mut ours = Input::of("attributes: ours", pull().body("{"));
    ours.attributes
        .push(("branchline-reason".to_owned(), Attribute::text("made-up")));
    let mut none = Input::of("attributes: none", pull());
    none.attributes.clear();
    let heavy = Input::of(
        "attributes: no room for ours",
        pull().body(&"x".repeat(1_048_576 - 350)),
    );
    let mut poison = Input::of(
        "attributes: ten of them and a poisoned body",
        pull().body("{"),
    );
    poison.attributes.extend(more(6));
    vec![full, over, small, twice, forged, ours, none, heavy, poison]
}
