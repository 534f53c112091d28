//! Claims that the stored scores speak against.

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::claim::{Conclusion, Decision, Part};
use crate::report::conclusions::part_line;

pub const RULE: Rule = Rule { name: "claim-fails", what: "something that the sweep claims in advance is not so", find };

/// Parts that are told of one claim.
const MOST: usize = 10;

fn find(case: &Case<'_>) -> Vec<Finding> {
    case.conclusions.iter().filter_map(told).collect()
}

/// A claim that holds, that estimates agree with, or that nothing decides, is no finding: the list of claims has it.
fn told(conclusion: &Conclusion) -> Option<Finding> {
    let severity = match conclusion.decision {
        Decision::Fails => Severity::Warning,
        // Estimates alone contradict nobody.
        Decision::Disagrees => Severity::Note,
        Decision::Holds | Decision::Agrees | Decision::Undecided => return None,
    };
    let against: Vec<&Part> = conclusion.parts.iter().filter(|part| part.decision == conclusion.decision).collect();
    let mut evidence: Vec<String> = against.iter().take(MOST).map(|part| part_line(part)).collect();
    if against.len() > MOST {
        evidence.push(format!("and {} more", against.len() - MOST));
    }
    Some(Finding {
        rule: RULE.name,
        severity,
        subject: format!("claim `{}`: {}", conclusion.claim, conclusion.text),
        message: format!("{}: {}", conclusion.decision.words(), conclusion.reason),
        evidence,
        advice: "say what was found beside what was claimed; a claim that is changed afterwards is another claim"
            .to_owned(),
        place: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::{SWEEP, Scene};
    use super::*;

    /// Three seeds a cell; cosine is claimed to be better than l1 by accuracy.
    fn scene(cosine: [f64; 3], l1: [f64; 3], by: &str) -> Scene {
        let grid = r#"vary = { data = ["1k", "5k", "9k"], loss = ["cosine", "l1"] }"#;
        let text = SWEEP.replace(grid, "vary = { loss = [\"cosine\", \"l1\"] }\nseeds = [1, 2, 3]");
        let claim = format!(
            "\n[claims.loss]\ntext = \"Cosine is better\"\ngrid = \"main\"\nby = \"{by}\"\n\
             better = {{ is = \"loss == cosine\", than = \"loss == l1\", metrics = \"accuracy\" }}\n"
        );
        let mut scene = Scene::of(&(text + &claim));
        for (cell, value) in cosine.into_iter().chain(l1).enumerate() {
            scene.world.measure(cell, "evaluate", "accuracy", value);
        }
        scene
    }

    #[test]
    fn a_claim_that_fails_is_a_warning_with_its_estimate() {
        let [finding] = &scene([0.50, 0.51, 0.52], [0.70, 0.71, 0.72], "interval").find(&RULE)[..] else {
            panic!("one finding")
        };
        assert_eq!((finding.severity, finding.subject.as_str()), (Severity::Warning, "claim `loss`: Cosine is better"));
        assert!(finding.message.starts_with("fails: the interval lies wholly on the other side"), "{finding:?}");
        assert!(finding.evidence[0].contains("−0.20") && finding.evidence[0].contains("6 runs"), "{finding:?}");
    }

    #[test]
    fn estimates_alone_are_a_note_and_what_holds_or_is_open_is_none() {
        let against = scene([0.5, 0.51, 0.52], [0.7, 0.71, 0.72], "estimate").find(&RULE);
        assert_eq!(against.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Note]);
        assert_eq!(scene([0.70, 0.71, 0.72], [0.50, 0.51, 0.52], "interval").find(&RULE), []);
        assert_eq!(scene([0.70, 0.50, 0.60], [0.60, 0.61, 0.55], "interval").find(&RULE), []);
    }
}
