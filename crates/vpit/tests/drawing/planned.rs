//! What `sweeps/metamorph.toml` plans is what the program takes.

use std::path::Path;

use serde_json::{Value, json};

use super::world::{How, World, refusal};

/// Command and parameters of a stage, as the sweep file has them.
fn planned(stage: &str) -> (Vec<String>, Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sweeps/metamorph.toml");
    let sweep: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let texts = |value: &toml::Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let found = &sweep["stages"][stage];
    let uses = texts(&found["uses"]);
    let parameters = uses.iter().map(|name| (name.clone(), serde_json::to_value(&sweep["defaults"][name]).unwrap()));
    (texts(&found["command"]), parameters.collect::<serde_json::Map<_, _>>().into())
}

#[test]
fn the_stages_of_the_paper_s_sweep_are_taken_and_lack_only_what_they_work_on() {
    let world = World::new();
    std::fs::rename(world.path("benchmarks/tiny"), world.path("benchmarks/coco-30k")).unwrap();
    for (stage, lacks) in
        [("generate", "needs the results of stage `finetune`"), ("evaluate-images", "inception-2015-12-05")]
    {
        let (command, parameters) = planned(stage);
        assert_eq!(command[..2], ["vpit", stage]);
        let arguments: Vec<&str> = command[2..].iter().map(String::as_str).collect();
        let how = How { arguments: &arguments, ..How::default() };
        let said = refusal(&world.start((stage, "planned"), &parameters, &[], how).wait_with_output().unwrap());
        assert!(said.contains(lacks), "{stage}: {said}");
        let mut unknown = parameters;
        unknown["steps"] = json!(50);
        let said = refusal(&world.start((stage, "planned"), &unknown, &[], how).wait_with_output().unwrap());
        assert!(said.contains("unknown field `steps`"), "{stage}: {said}");
    }
}
