//! What a claim may say, and where its mistakes are shown.

use std::path::Path;

use super::*;
use crate::grid::{Sweep, parse};

const GOOD: &str = r#"
name = "claimed"
[defaults]
vqa = "1M"
generation = "200k"
llm = "small"
[grids.data]
vary = { vqa = ["1M", "7M"], generation = ["200k", "1M"], llm = ["small", "large"] }
[stages.train]
kind = "train"
uses = ["vqa", "generation", "llm"]
command = ["train"]
[metrics.seed]
direction = "maximize"
group = "General"
[metrics.mmbench]
direction = "maximize"
group = "General"
[metrics.fid]
direction = "minimize"
[claims.one]
text = "understanding goes with generation"
by = "estimate"
where = "llm == small"
correlation = { x = { all_of = "General" }, y = "fid", at_most = -0.85 }
[claims.two]
text = "more is better"
effect = { of = "vqa", metrics = { mean_of = ["seed", "mmbench"] }, per = ["doubling", "range"], above = 0 }
stabilises = { along = "generation", from = "200k", metrics = "fid", within = 1.5 }
"#;

fn read(text: &str) -> crate::Result<Sweep> {
    parse(Path::new("test.toml"), text)
}

#[test]
fn claims_are_typed_and_groups_resolved() {
    let sweep = read(GOOD).unwrap();
    let [one, two] = &sweep.claims[..] else { panic!("{:?}", sweep.claims) };
    assert_eq!((one.by, two.by, one.grid.as_str()), (By::Estimate, By::Interval, "data"));
    assert_eq!(one.filter.as_ref().unwrap().text, "llm == small");
    let [Relation::Correlation { x, y, region, .. }] = &one.relations[..] else { panic!("{one:?}") };
    assert_eq!((x.take, x.metrics.as_slice()), (Take::All, &["seed".to_owned(), "mmbench".to_owned()][..]));
    assert_eq!((y.metrics.as_slice(), region.high), (&["fid".to_owned()][..], Some(-0.85)));
    let [Relation::Effect { metrics, per, region, .. }, Relation::Stabilises { from, .. }] = &two.relations[..] else {
        panic!("{two:?}")
    };
    assert_eq!((metrics.take, per.as_slice()), (Take::Mean, &[Per::Doubling, Per::Range][..]));
    assert_eq!((*region, *from), (Region::positive(), 0));
}

#[test]
fn a_relation_may_stand_several_times() {
    let several =
        "correlation = [{ x = \"seed\", y = \"fid\", below = 0 }, { x = \"mmbench\", y = \"fid\", below = 0 }]";
    let text = GOOD.replace("correlation = { x = { all_of = \"General\" }, y = \"fid\", at_most = -0.85 }", several);
    assert_eq!(read(&text).unwrap().claims[0].relations.len(), 2);
}

#[test]
fn mistakes_in_claims_have_their_place_and_a_hint() {
    let cases = [
        ("by = \"estimate\"", "by = \"guess\"", "23:6", "unknown `by` `guess`", "known are `estimate` and `interval`"),
        ("correlation =", "corelation =", "25:1", "unknown key `corelation`", "did you mean `correlation`?"),
        ("y = \"fid\", at_most", "y = \"fdi\", at_most", "25:49", "no metric or group `fdi`", "did you mean `fid`?"),
        ("{ all_of = \"General\" }", "\"General\"", "25:21", "stands for 2 metrics", "all_of"),
        ("at_most = -0.85", "at_mots = -0.85", "25:56", "unknown key `at_mots`", "did you mean `at_most`?"),
        (", at_most = -0.85", "", "25:15", "says no value", "`between = [low, high]`"),
        ("at_most = -0.85", "at_most = \"-0.85\"", "25:66", "is `-0.85`, not a number", ""),
        ("at_most = -0.85", "between = [1, 0]", "25:66", "not two numbers, the smaller first", ""),
        ("of = \"vqa\"", "of = \"vqq\"", "28:17", "grid `data` has no axis `vqq`", "did you mean `vqa`?"),
        ("of = \"vqa\"", "of = \"llm\"", "28:17", "the levels of `llm` are not all positive numbers", "per doubling"),
        ("\"range\"]", "\"rang\"]", "28:88", "unknown `per` `rang`", "did you mean `range`?"),
        ("from = \"200k\"", "from = \"300k\"", "29:45", "has no level `300k`", "`200k`"),
        (", within = 1.5", "", "29:14", "has no `within`", "in the metric's unit"),
        ("within = 1.5", "within = -1", "29:79", "is `-1`, not zero or more", ""),
        ("where = \"llm == small\"", "where = \"lmm == small\"", "24:10", "there is no factor `lmm`", "`llm`"),
        ("text = \"more is better\"", "", "26:9", "claim `two` has no `text`", "in one sentence"),
    ];
    for (old, new, place, message, hint) in cases {
        assert!(GOOD.contains(old), "{old} is not in the file");
        let error = read(&GOOD.replacen(old, new, 1)).unwrap_err();
        let shown = format!("{}\n{}\n{}", error.message(), error.shown_excerpt(), error.hints().join("\n"));
        for wanted in [message, hint, &format!("test.toml:{place}:")] {
            assert!(shown.contains(wanted), "{new}: wanted {wanted:?}, got {shown}");
        }
    }
}

#[test]
fn a_claim_must_state_something() {
    let text = GOOD.replace("correlation = { x = { all_of = \"General\" }, y = \"fid\", at_most = -0.85 }\n", "");
    let error = read(&text).unwrap_err();
    assert!(error.message().contains("claim `one` states no relation"), "{error}");
}
