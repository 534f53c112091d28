//! `sweep submit` killed at each of its points, as on the fake, where it is done often.

use crate::fake::{SUBMIT, SWEEP, ends_well};
use crate::site::Site;

#[test]
fn a_real_slurm_has_every_task_once_wherever_its_submission_was_killed() {
    let points =
        ["before-intent", "before-sbatch", "before-commit", "between-arrays", "before-release", "after-release"];
    for point in points {
        let Some(site) = Site::real(SWEEP) else { return };
        site.profile("largest_array = 2\n");
        site.script("train", "echo '{\"value\": 1}' > scores.json");
        assert!(site.sweep_until(point, &SUBMIT), "{point}");
        ends_well(&site);
    }
}
