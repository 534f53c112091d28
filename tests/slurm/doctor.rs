//! `sweep doctor` and the job that it sends.

use crate::site::Site;

fn site() -> Site {
    let site = Site::new("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1]\n");
    site.script("train", "true");
    let _ = site.sweep(&["plan", "grid.toml"]).with(0);
    site
}

#[test]
fn a_test_job_tells_what_its_node_sees_and_leaves_nothing_behind() {
    let site = site();
    let told = site.sweep(&["doctor", "--to", "test", "--job"]);
    for words in ["sees the folder of runs and writes there", "jobs run as user", "the folder can be read by"] {
        assert!(told.out.contains(words), "{words}: {}{}", told.out, told.err);
    }
    assert!(!told.out.contains("does not start"), "{}", told.out);
    let left: Vec<_> = glob::glob(site.path().join("**/sweep-doctor-*").to_str().unwrap()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_setup_that_fails_on_the_node_is_told_in_its_own_words() {
    let site = site();
    site.profile("setup = [\"echo no such module >&2; exit 7\"]\n");
    let told = site.sweep(&["doctor", "--to", "test", "--job"]);
    assert_ne!(told.code, Some(0));
    assert!(told.out.contains("ended without a word: FAILED: no such module"), "{}{}", told.out, told.err);
}

#[test]
fn a_partition_that_is_not_there_is_no_reason_to_send_a_job() {
    let site = site();
    site.profile("partition = \"nowhere\"\n");
    let told = site.sweep(&["doctor", "--to", "test", "--job"]);
    assert!(told.code != Some(0) && told.out.contains("would be refused"), "{}{}", told.out, told.err);
}
