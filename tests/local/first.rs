//! The example that the documentation shows first.

use std::fs;
use std::path::Path;

use crate::project::Project;

fn example() -> Project {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first");
    let project = Project::new(&fs::read_to_string(folder.join("grid.toml")).unwrap());
    project.write("train.py", &fs::read_to_string(folder.join("train.py")).unwrap());
    project
}

#[test]
fn six_lines_and_a_script_go_from_plan_to_a_figure() {
    let project = example();
    let _ = project.sweep(&["plan", "grid.toml"]).with(0);
    let out = project.sweep(&["submit"]).with(0).out;
    assert_eq!(out, "6 tasks: 6 succeeded\n");
    assert_eq!((project.count("tasks"), project.count("done")), (6, 6));
    let _ = project.sweep(&["report", "--heatmap"]).with(0);
    assert_eq!(project.glob("reports/first/*.svg").len(), 1);
}

#[test]
fn the_same_command_again_does_nothing_new() {
    let project = example();
    let _ = project.run().with(0);
    let before = project.glob("**/*");
    let again = project.sweep(&["submit"]).with(0).out;
    assert_eq!(again, "6 tasks: 6 had succeeded before\n");
    assert_eq!(project.glob("**/*"), before);
    assert!(project.sweep(&["collect"]).with(0).out.starts_with("0 new attempts"));
}

#[test]
fn the_example_stays_as_short_as_it_is_said_to_be() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first");
    let lines = |name: &str| fs::read_to_string(folder.join(name)).unwrap().lines().count();
    assert_eq!((lines("grid.toml"), lines("train.py")), (6, 10));
}
