//! What is kept of a stage, and that it still runs when the original is gone.

use std::fs;
use std::path::Path;

use super::{Digests, Frozen, freeze};
use crate::Result;
use crate::grid::{Checkpoints, Place, Resources, Retry, Stage, StageKind};
use crate::project::Project;

/// A project with a sweep file's folder, and a stage that runs `command` there.
struct Fixture {
    folder: tempfile::TempDir,
    project: Project,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let (project, _) = Project::find_or_create(folder.path()).unwrap();
        Self { folder, project }
    }

    fn freeze(&self, command: &[&str], code: &[&str]) -> Result<Frozen> {
        let stage = Stage {
            name: "train".to_owned(),
            place: Place::default(),
            kind: StageKind::Train,
            version: 1,
            uses: vec![],
            constants: vec![],
            needs: vec![],
            command: command.iter().map(ToString::to_string).collect(),
            applies: None,
            threads: 1,
            outputs: vec![],
            code: code.iter().map(ToString::to_string).collect(),
            pins: vec![],
            resources: Resources::default(),
            resources_when: vec![],
            checkpoints: Checkpoints::default(),
            retry: Retry { attempts: 1, memory_percent: None, time_percent: None },
        };
        let mut digests = Digests::open(self.folder.path().join("digests.json"));
        freeze(&stage, self.folder.path(), &self.project, &mut digests)
    }
}

#[test]
fn a_script_is_kept_and_an_edit_makes_another() {
    let fixture = Fixture::new(&[("train.py", "print(1)")]);
    let first = fixture.freeze(&["sh", "train.py", "--lr", "{lr}"], &[]).unwrap();
    assert_eq!(first.command[2..], ["--lr", "{lr}"]);
    assert!(Path::new(&first.command[0]).is_absolute());
    fs::write(fixture.folder.path().join("train.py"), "print(2)").unwrap();
    let second = fixture.freeze(&["sh", "train.py", "--lr", "{lr}"], &[]).unwrap();
    assert_eq!(fs::read_to_string(&first.command[1]).unwrap(), "print(1)");
    assert_eq!(fs::read_to_string(&second.command[1]).unwrap(), "print(2)");
    assert_ne!(first.provenance["code"], second.provenance["code"]);
    fs::write(fixture.folder.path().join("train.py"), "print(1)").unwrap();
    assert_eq!(fixture.freeze(&["sh", "train.py", "--lr", "{lr}"], &[]).unwrap(), first);
}

#[test]
fn code_keeps_its_places_beside_the_script() {
    let fixture = Fixture::new(&[("run/train.py", "a"), ("run/model/net.py", "b"), ("notes.md", "c")]);
    let frozen = fixture.freeze(&["sh", "run/train.py"], &["run/**/*.py"]).unwrap();
    let script = Path::new(&frozen.command[1]);
    assert_eq!(fs::read_to_string(script.with_file_name("model").join("net.py")).unwrap(), "b");
    assert!(!script.parent().unwrap().with_file_name("notes.md").exists());
}

#[test]
fn a_program_of_the_project_is_kept() {
    let fixture = Fixture::new(&[]);
    let program = fixture.folder.path().join("train");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let frozen = fixture.freeze(&["./train", "train"], &[]).unwrap();
    assert_ne!(Path::new(&frozen.command[0]), program);
    assert_eq!(frozen.command[1], "train", "a bare word is no file");
    fs::remove_file(&program).unwrap();
    assert!(duct::cmd(&frozen.command[0], ["--list"]).stdout_null().run().is_ok(), "it still runs");
}

#[test]
fn data_is_not_copied_and_is_found_from_anywhere() {
    let fixture = Fixture::new(&[("data/images.bin", "\0\0")]);
    let frozen = fixture.freeze(&["sh", "data/images.bin", "./data/"], &[]).unwrap();
    let base = fs::canonicalize(fixture.folder.path()).unwrap();
    assert_eq!(Path::new(&frozen.command[1]), base.join("data/images.bin"));
    assert_eq!(Path::new(&frozen.command[2]), base.join("data"));
}

#[test]
fn patterns_stay_in_the_folder_and_match_something() {
    let fixture = Fixture::new(&[("train.py", "")]);
    for pattern in ["../*", "/etc/passwd", "*.rs"] {
        assert!(fixture.freeze(&["sh", "train.py"], &[pattern]).is_err(), "{pattern}");
    }
}

/// A program that prints what a library says, which asks another library; each is linked to the next one's folder.
struct Linked {
    folder: tempfile::TempDir,
    flag: &'static str,
}

impl Linked {
    fn new(flag: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("near")).unwrap();
        fs::create_dir(folder.path().join("far")).unwrap();
        let linked = Self { folder, flag };
        linked.far("far/libfar.so", 1);
        linked.compile("near/libnear.so", "int far(void); int near(void) { return 10 + far(); }", Some("far"));
        let main = "#include <stdio.h>\nint near(void); int main(void) { printf(\"%d\", near()); return 0; }";
        linked.compile("program", main, Some("near"));
        linked
    }

    fn far(&self, file: &str, answer: u32) {
        self.compile(file, &format!("int far(void) {{ return {answer}; }}"), None);
    }

    fn compile(&self, file: &str, source: &str, needs: Option<&str>) {
        let folder = self.folder.path();
        let (code, out) = (folder.join("source.c"), folder.join(file));
        fs::write(&code, source).unwrap();
        let mut words = vec!["-o".to_owned(), out.display().to_string(), code.display().to_string()];
        if file.contains(".so") {
            let name = file.rsplit('/').next().unwrap();
            words.extend(["-shared", "-fPIC"].map(str::to_owned));
            words.push(format!("-Wl,-soname,{name}"));
        }
        if let Some(library) = needs {
            let place = folder.join(library).display().to_string();
            words.extend([format!("-L{place}"), format!("-l{library}"), format!("-Wl,{},-rpath,{place}", self.flag)]);
            words.push(format!("-Wl,-rpath-link,{}", folder.join("far").display()));
        }
        duct::cmd("cc", words).run().unwrap();
    }

    fn run(command: &str, environment: &[(String, String)]) -> String {
        let run = environment.iter().fold(duct::cmd!(command), |run, (name, value)| run.env(name, value));
        run.read().unwrap()
    }
}

#[test]
fn a_frozen_program_loads_its_frozen_libraries_whatever_becomes_of_the_others() {
    for flag in ["--enable-new-dtags", "--disable-new-dtags"] {
        let linked = Linked::new(flag);
        let (project, _) = Project::find_or_create(linked.folder.path()).unwrap();
        let fixture = Fixture { folder: linked.folder, project };
        let frozen = fixture.freeze(&["./program"], &[]).unwrap();
        let linked = Linked { folder: fixture.folder, flag };
        let original = linked.folder.path().join("program").display().to_string();
        assert_eq!(Linked::run(&original, &[]), "11");

        // An installer puts another file in its place, a build or `cp` writes into the file that is there.
        let far = linked.folder.path().join("far/libfar.so");
        linked.far("other.so", 2);
        let other = fs::read(linked.folder.path().join("other.so")).unwrap();
        fs::write(&far, &other).unwrap();
        assert_eq!(Linked::run(&original, &[]), "12", "{flag}: the original loads the new library");
        assert_eq!(Linked::run(&frozen.command[0], &frozen.environment), "11", "{flag}: written into");
        fs::remove_file(&far).unwrap();
        fs::write(&far, &other).unwrap();
        assert_eq!(Linked::run(&frozen.command[0], &frozen.environment), "11", "{flag}: replaced");
        fs::remove_dir_all(linked.folder.path().join("far")).unwrap();
        fs::remove_dir_all(linked.folder.path().join("near")).unwrap();
        assert_eq!(Linked::run(&frozen.command[0], &frozen.environment), "11", "{flag}: gone");
    }
}
