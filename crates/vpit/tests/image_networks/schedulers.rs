use tch::Tensor;
use vpit::diffusion::Noising;
use vpit::diffusion::stable_diffusion::{Pndm, SchedulerConfig};

use super::golden::{Golden, agree};

/// All latents of a descent in which the answers of the network are given.
fn descend(golden: &Golden, config: &SchedulerConfig, steps: usize) -> Tensor {
    let mut pndm = Pndm::new(config, steps).unwrap();
    let mut latents = golden.get("start").shallow_clone();
    let path: Vec<Tensor> = (0..pndm.times().len())
        .map(|i| {
            latents = pndm.step(&golden.get("answers").get(i as i64), &latents);
            latents.shallow_clone()
        })
        .collect();
    Tensor::stack(&path, 0)
}

#[test]
fn every_step_of_every_descent_leads_where_diffusers_leads() {
    let (golden, config) = (Golden::read("diffusion/schedulers"), SchedulerConfig::stable_diffusion());
    for steps in [1, 2, 3, 4, 5, 7, 10, 20, 30, 50, 100] {
        assert_eq!(config.times(steps).unwrap(), golden.times(&format!("times.{steps}")));
        let (ours, theirs) = (descend(&golden, &config, steps), golden.get(&format!("path.{steps}")));
        for call in 0..ours.size()[0] {
            agree(&ours.get(call), &theirs.get(call)).unwrap_or_else(|problem| panic!("{steps}, {call}: {problem}"));
        }
        if steps > 4 {
            golden.hold(&format!("path.{steps}"), &ours, &format!("mutant.{steps}."));
        }
    }
}

#[test]
fn the_last_step_may_lead_to_an_image_without_noise() {
    let golden = Golden::read("diffusion/schedulers");
    let config = SchedulerConfig { set_alpha_to_one: true, ..SchedulerConfig::stable_diffusion() };
    let ours = descend(&golden, &config, 10);
    golden.meet("path.one", &ours);
    agree(&ours, golden.get("path.10")).unwrap_err();
}

#[test]
fn noise_is_added_as_diffusers_adds_it() {
    let (golden, noising) = (Golden::read("diffusion/schedulers"), Noising::stable_diffusion());
    let ours: Vec<f64> = (0..1000).map(|time| noising.alpha_bar(Some(time))).collect();
    let ratio = Tensor::from_slice(&ours) / golden.get("alphas");
    assert!((ratio - 1.0).abs().max().double_value(&[]) < 1e-5);
    let noisy = noising.add(golden.get("clean"), golden.get("noise"), &golden.times("times"));
    golden.meet("noisy", &noisy);
}
