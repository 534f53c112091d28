//! Results on their way to other programs and back, through the command line; read by those programs where they are.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bundle;
mod export;
mod import;
#[path = "../local/project.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod project;
mod python;

/// Two stages, two cells with two seeds, a curve, and names that formats could trip over.
fn finished() -> project::Project {
    let project = project::Project::new(
        "name = \"one\"\ntitle = \"Does lr matter?\"\n[defaults]\nlr = 0.1\nseed = 1\nnote = \"=1+1\"\n\
         [grids.main]\nvary = { lr = [0.1, 0.01] }\nseeds = { values = [1, 2], redraw = [\"train.init\"] }\n\
         [stages.train]\nkind = \"train\"\nuses = [\"lr\", \"seed\", \"note\"]\ncommand = [\"./train\", \"{seed}\", \"{lr}\"]\n\
         outputs = [\"model\"]\n\
         [stages.evaluate]\nkind = \"measure\"\nneeds = [\"train\"]\ncommand = [\"./evaluate\", \"{input.train}\"]\n\
         [metrics.accuracy]\ndirection = \"maximize\"\n[metrics.fid]\ndirection = \"minimize\"\n",
    );
    let curve = "for step in 1 2 3; do echo \"{\\\"step\\\": $step, \\\"loss\\\": 0.$1$step}\"; done > metrics.jsonl";
    project.script("train", &format!("echo $1 $2 > model; {curve}"));
    project.script(
        "evaluate",
        "mkdir predictions; cp \"$1/model\" 'predictions/a b.jsonl'\n\
         read seed lr < \"$1/model\"\n\
         echo \"{\\\"scores\\\": [{\\\"metric\\\": \\\"accuracy\\\", \\\"value\\\": 0.$seed, \\\"n\\\": 10}, \
         {\\\"metric\\\": \\\"accuracy\\\", \\\"benchmark\\\": \\\"digits/general\\\", \\\"value\\\": ${lr}1}, \
         {\\\"metric\\\": \\\"fid\\\", \\\"value\\\": 7.5}]}\" > scores.json",
    );
    let _ = project.run().with(0);
    project
}
