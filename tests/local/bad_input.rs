//! Hostile or broken input: one clear error with the place, and nothing lost.

use std::fs;

use runfile::FailureReason;

use crate::project::Project;

const ONE: &str = "name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n\n[vary]\nx = [1, 2]\n";

#[test]
fn levels_reach_the_program_byte_for_byte() {
    let levels = [
        "a b",
        "\"'`",
        "$(touch canary)",
        "; touch canary",
        "a\nb",
        "../../canary",
        "-rf",
        "--",
        "%j \\ *",
        "é😀\u{202e}",
        "",
    ];
    let project = Project::new("");
    project.write(
        "grid.toml",
        &format!(
            "name = \"one\"\ncommand = [\"python3\", \"dump.py\", \"{{x}}\", \"--x={{x}}\"]\n[vary]\nx = {}\n",
            serde_json::to_string(&levels).unwrap()
        ),
    );
    project.write(
        "dump.py",
        "import json, os, sys\nconfig = json.load(open(os.environ['SWEEP_CONFIG']))\n\
         json.dump([sys.argv[1:], config['params']['x']], open('dump.json', 'w'))\n",
    );
    let _ = project.run().with(0);
    let mut seen: Vec<String> = Vec::new();
    for dump in project.glob("runs/*/tasks/*/*/attempts/1/out/dump.json") {
        let (arguments, x): (Vec<String>, String) = serde_json::from_slice(&fs::read(dump).unwrap()).unwrap();
        assert_eq!(arguments, [x.clone(), format!("--x={x}")]);
        seen.push(x);
    }
    seen.sort();
    let mut expected = levels.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(seen, expected);
    assert!(project.glob("**/canary*").is_empty() && project.glob("../canary*").is_empty());
}

#[test]
fn a_command_that_does_not_exist_starts_nothing() {
    let project = Project::new("name = \"one\"\ncommand = [\"no-such-program\", \"{x}\"]\n[vary]\nx = [1, 2]\n");
    let ended = project.run().with(2);
    assert!(ended.err.contains("error: grid.toml:2:12: cannot freeze the code of stage `train`\n"), "{}", ended.err);
    assert!(ended.err.contains("2 | command = [\"no-such-program\", \"{x}\"]\n"), "{}", ended.err);
    assert!(ended.err.contains("caused by: the program `no-such-program` does not exist"), "{}", ended.err);
    assert!(ended.err.contains("hint: write the path of the program"), "{}", ended.err);
    assert!(project.tasks().is_empty());
}

#[test]
fn a_program_that_cannot_be_started_is_a_reason() {
    let project = Project::new(ONE);
    project.write("train", "#!/no/such/interpreter\n");
    fs::set_permissions(project.path().join("train"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ended = project.run().with(4);
    assert!(ended.out.contains("cannot start"), "{}", ended.out);
    assert!(project.outcomes().iter().all(|outcome| outcome.reason == Some(FailureReason::NotStarted)));
}

#[test]
fn task_folders_that_cannot_be_written_are_named() {
    let project = Project::new(ONE);
    project.script("train", "exit 0");
    let _ = project.sweep(&["plan", "grid.toml"]).with(0);
    project.write("runs", "a file stands here");
    let ended = project.sweep(&["submit"]).with(1);
    assert!(ended.err.contains("cannot make the folder") && ended.err.contains("runs/"), "{}", ended.err);
}

#[test]
fn too_little_disk_starts_nothing() {
    let project = Project::new(&format!("{}\n[resources]\nresult = \"900000TB\"\n", ONE.trim_end()));
    project.script("train", "exit 0");
    let ended = project.run().with(1);
    assert!(ended.err.contains("error: too little disk: "), "{}", ended.err);
    assert!(ended.err.contains("at least 900 PB are needed"), "{}", ended.err);
    assert!(ended.err.contains("hint: `sweep gc` shows what can be deleted"), "{}", ended.err);
    assert!(project.tasks().is_empty());
}

#[test]
fn one_task_folder_that_cannot_be_used_does_not_hold_up_the_others() {
    let project = Project::new(ONE);
    project.script("train", "exit 0");
    let _ = project.run().with(0);
    // The same plan in a new project, where a link stands in one task's place.
    let (broken, other) = (Project::new(ONE), tempfile::tempdir().unwrap());
    broken.script("train", "exit 0");
    let _ = broken.sweep(&["plan", "grid.toml"]).with(0);
    let store = fs::read_to_string(broken.path().join(".sweep/project.json")).unwrap();
    let store = serde_json::from_str::<serde_json::Value>(&store).unwrap()["store"].as_str().unwrap().to_owned();
    let tasks = broken.path().join("runs").join(store).join("tasks");
    let task = project.tasks()[0].file_name().unwrap().to_str().unwrap().to_owned();
    fs::create_dir_all(tasks.join(&task[..2])).unwrap();
    std::os::unix::fs::symlink(other.path(), tasks.join(&task[..2]).join(&task)).unwrap();
    let ended = broken.sweep(&["submit"]).with(4);
    assert!(ended.out.contains("1 succeeded, 1 not attempted"), "{}", ended.out);
    assert!(ended.out.contains("a link"), "{}", ended.out);
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0, "nothing is written through the link");
}

#[test]
fn a_pipe_or_a_link_in_place_of_results_is_passed_over() {
    let project = Project::new(ONE);
    project.script("train", "mkfifo scores.json; ln -s /etc/passwd metrics.jsonl; ln -s /etc etc");
    let _ = project.run().with(0);
    for outcome in project.outcomes() {
        assert!(outcome.artifacts.is_empty());
        assert_eq!(outcome.provenance["skipped"], serde_json::json!(["etc", "metrics.jsonl", "scores.json"]));
    }
}

#[test]
fn scores_that_are_wrong_decide_the_verdict() {
    let cases = [
        ("{\"a\": NaN}", FailureReason::Diverged, "scores.json: the score `a` is NaN"),
        (
            "{\"a\": 1, \"a\": 2}",
            FailureReason::MissingOutput,
            "scores.json: `a` is given twice, as score 1 and as score 2",
        ),
        (
            "{\"a\": \"high\"}",
            FailureReason::MissingOutput,
            "scores.json:1:12: invalid type: string \"high\", expected a number",
        ),
        ("{\"a\": 1", FailureReason::MissingOutput, "scores.json:1:7: the file ends in the middle of an object"),
    ];
    for (text, reason, message) in cases {
        let project = Project::new(ONE);
        project.script("train", &format!("printf '%s' '{text}' > scores.json"));
        let ended = project.run().with(4);
        assert_eq!(ended.out.matches(message).count(), 2, "told once for each task: {}", ended.out);
        for outcome in project.outcomes() {
            assert_eq!(outcome.reason, Some(reason), "{text}");
            assert!(outcome.message.starts_with(message), "{text}: {}", outcome.message);
        }
    }
}

#[test]
fn one_bad_folder_hides_no_other_from_collect() {
    let project = Project::new("name = \"one\"\ncommand = [\"./train\"]\n[vary]\nx = [1, 2, 3, 4, 5]\n");
    project.script("train", "echo '{\"a\": 1}' > scores.json");
    let _ = project.run().with(0);
    let bad = project.tasks()[2].join("outcome.json");
    fs::write(&bad, "{").unwrap();
    // The folders come to a project that knows nothing of them yet.
    let again = Project::new(&project.read("grid.toml"));
    again.script("train", "exit 9");
    let _ = again.sweep(&["plan", "grid.toml"]).with(0);
    let from = project.glob("runs/*")[0].clone();
    let store = serde_json::from_str::<serde_json::Value>(&again.read(".sweep/project.json")).unwrap();
    fs::create_dir_all(again.path().join("runs")).unwrap();
    fs::rename(from, again.path().join("runs").join(store["store"].as_str().unwrap())).unwrap();
    let ended = again.sweep(&["collect"]).with(5);
    assert!(ended.out.starts_with("4 new attempts with 4 scores"), "{}", ended.out);
    assert!(
        ended.err.contains("1 task folder could not be read") && ended.err.contains("outcome.json:1:1"),
        "{}",
        ended.err
    );
}

#[test]
fn what_a_program_writes_cannot_command_the_terminal() {
    let project = Project::new(ONE);
    project.script("train", "printf '\\033]0;owned\\007\\n' >&2; exit 1");
    let ended = project.run().with(4);
    assert!(!ended.out.contains('\u{1b}') && !ended.err.contains('\u{1b}'));
    assert!(ended.out.contains("\\u{1b}]0;owned\\u{7}"), "{}", ended.out);
}
