//! The miniature's own programs, in a size that takes seconds.

use assert_cmd::cargo::cargo_bin;

use crate::site::Site;

const SWEEP: &str = r#"
name = "digits"
[defaults]
llm = "digits-small"
vqa = 24
generation = 8
questions = 20
steps = 3
batch = 8
seed = 1
[grids.main]
vary = { vqa = [16, 24] }
[stages.encoder]
kind = "train"
uses = ["steps", "batch"]
command = ["VPIT", "encoder"]
outputs = ["model.safetensors"]
[stages.lm]
kind = "train"
uses = ["llm", "steps", "batch"]
command = ["VPIT", "lm"]
outputs = ["model.safetensors"]
[stages.adapter]
kind = "train"
needs = ["encoder", "lm"]
uses = ["steps", "batch"]
command = ["VPIT", "adapter"]
outputs = ["model.safetensors"]
[stages.finetune]
kind = "train"
needs = ["encoder", "adapter"]
uses = ["vqa", "generation", "batch", "seed"]
command = ["VPIT", "finetune"]
outputs = ["model.safetensors"]
[stages.evaluate]
kind = "measure"
needs = ["finetune", "encoder"]
uses = ["questions"]
command = ["VPIT", "evaluate-vqa"]
"#;

#[test]
fn the_digits_have_the_same_scores_through_slurm_as_on_this_machine() {
    let vpit = cargo_bin("vpit");
    let sweep = SWEEP.replace("VPIT", &vpit.to_string_lossy());
    let Some(site) = Site::real(&sweep) else { return };
    assert!(vpit.exists(), "`cargo build --workspace` makes `vpit`");
    let _ = site.submit().with(0);
    let here = Site::fake(&sweep);
    let _ = here.sweep(&["submit", "grid.toml", "--to", "local"]).with(0);
    site.wait_until(|site| site.count("done") == 7 || site.succeeded() == 7);
    let (scores, expected) = (site.scores(), here.scores());
    assert_eq!(expected.len(), 2);
    assert_eq!(scores, expected);
}
