//! The page as bytes; `tests/page/` looks at it in a browser.

use super::*;
use crate::report::world::World;
use crate::report::{Format, Selection, render};

fn world(title: &str) -> World {
    let mut world = World::new(&format!(
        "name = \"small\"\ntitle = {}\ncommand = [\"t\", \"{{lr}}\"]\n[vary]\nlr = [0.1, 0.01]\n",
        serde_json::Value::from(title)
    ));
    world.measure(0, "train", "accuracy", 0.25);
    world.measure(1, "train", "accuracy", 1.0 / 3.0);
    world
}

fn page(world: &World) -> String {
    let selection = Selection { formats: vec![Format::Html], ..Selection::default() };
    let mut files = render(&world.evidence(), &selection).unwrap().files;
    assert_eq!(files.len(), 1);
    String::from_utf8(files.remove(0).bytes).unwrap()
}

fn data(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_data_keeps_every_digit() {
    let data = data(&page(&world("t")));
    assert_eq!(data["frames"][0]["scores"][0]["value"], serde_json::json!([0.25, 1.0 / 3.0]));
    assert_eq!(data["runs"]["scores"][0], data["frames"][0]["scores"][0]["value"]);
}

#[test]
fn a_column_of_equal_values_is_one_value() {
    let data = data(&page(&world("t")));
    assert_eq!(data["runs"]["standing"], "imported");
    assert_eq!(data["frames"][0]["levels"], serde_json::json!([[0, 1]]));
}

#[test]
fn no_text_ends_the_island_or_turns_its_line_around() {
    let evil = "</script><!-- & \u{2028}\u{2029}\u{202e}";
    let page = page(&world(evil));
    assert_eq!(page.matches("</script>").count(), 2, "of the island and of the script");
    assert!(!page.contains(['\u{2028}', '\u{2029}', '\u{202e}']));
    assert_eq!(data(&page)["title"], evil.replace('\u{202e}', "\u{fffd}"));
    assert!(page.contains("<title>&lt;/script&gt;&lt;!-- &amp; "));
}

#[test]
fn the_policy_names_what_the_page_holds() {
    let page = page(&world("t"));
    for (element, source) in [("script", "script-src"), ("style", "style-src")] {
        let (_, rest) = page.rsplit_once(&format!("<{element}>")).unwrap();
        let text = rest.split_once(&format!("</{element}>")).unwrap().0;
        let digest = base64::Engine::encode(
            &base64::prelude::BASE64_STANDARD,
            <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()),
        );
        assert!(policy(Mode::File).contains(&format!("{source} 'sha256-{digest}'")), "{element}");
    }
    assert!(policy(Mode::Live).contains("connect-src 'self'") && !policy(Mode::File).contains("connect-src"));
}

#[test]
fn no_script_makes_markup_of_a_text() {
    let page = page(&world("t"));
    let script = page.rsplit_once("<script>").unwrap().1;
    for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "new Function"]
    {
        assert!(!script.contains(way), "{way}");
    }
}

#[test]
fn a_thinned_curve_keeps_its_ends_and_its_extremes() {
    let mut points: Vec<(u64, f64)> = (0..10_000).map(|step| (step, (step as f64 / 500.0).sin())).collect();
    points[4321].1 = 9.0;
    points[8765].1 = -9.0;
    let thinned = thin(&points, 240);
    assert!(thinned.len() <= 240, "{}", thinned.len());
    assert_eq!((thinned[0], thinned[thinned.len() - 1]), (points[0], points[9_999]));
    assert!(thinned.contains(&(4321, 9.0)) && thinned.contains(&(8765, -9.0)));
    assert!(thinned.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(thin(&points[..100], 240), points[..100]);
}

#[test]
fn more_runs_than_a_page_shows_are_said_to_be_left_out() {
    let levels = |count: usize| (0..count).map(|level| level.to_string()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "name = \"huge\"\ncommand = [\"t\", \"{{a}}\", \"{{b}}\"]\n[vary]\na = [{}]\nb = [{}]\n",
        levels(150),
        levels(150)
    );
    let mut world = World::new(&text);
    world.measure(0, "train", "accuracy", 0.25);
    let selection = Selection { formats: vec![Format::Html], ..Selection::default() };
    let rendering = render(&world.evidence(), &selection).unwrap();
    assert!(rendering.files.is_empty());
    let why = rendering.left_out.unwrap();
    assert!(why.starts_with("index.html is left out: 22,500 runs are more than the 20,000"), "{why}");
}
