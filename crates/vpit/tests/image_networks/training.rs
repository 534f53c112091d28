use tch::Tensor;
use vpit::diffusion::projector::Projector;
use vpit::diffusion::sampler::Sampling;
use vpit::diffusion::stable_diffusion::visualizer::{Batch, Draws, Purpose};
use vpit::diffusion::stable_diffusion::{Recipe, Visualizer, folder};
use vpit::model::{Parameters, Weights};
use vpit::train::Optimizer;

use super::golden::{Golden, agree, path};

/// The stored pipeline with the stored projector, and what of it is trained.
struct Trained {
    golden: Golden,
    visualizer: Visualizer,
    projector: Parameters,
    unet: Parameters,
}

impl Trained {
    fn read() -> Self {
        let (golden, pipeline) = (Golden::read("diffusion/training"), path("diffusion/pipeline"));
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("projector.safetensors");
        Tensor::write_safetensors(&golden.below("projector."), &file).unwrap();
        let weights = Weights::read(&file).unwrap();
        let (projector, projector_tensors) = weights.build(|scope| Projector::new(scope, &[10, 14, 6])).unwrap();
        let (unet, unet_tensors) = folder::unet(&pipeline).unwrap();
        let (vae, _) = folder::vae(&pipeline).unwrap();
        let visualizer = Visualizer::new(projector, unet, vae, folder::scheduler(&pipeline).unwrap());
        Self { golden, visualizer, projector: projector_tensors, unet: unet_tensors }
    }

    fn batch(&self) -> Batch {
        let copy = |name| self.golden.get(name).shallow_clone();
        Batch { images: copy("images"), tokens: copy("tokens") }
    }

    fn draws(&self) -> Draws {
        let copy = |name| self.golden.get(name).shallow_clone();
        let kept: Vec<bool> = self.golden.get("kept").try_into().unwrap();
        Draws { latent: copy("latent_noise"), noise: copy("noise"), times: self.golden.times("times"), kept }
    }

    fn loss(&self) -> Tensor {
        self.visualizer.loss(&self.batch(), &self.draws())
    }
}

#[test]
fn visual_tokens_are_projected_and_followed_by_zeros() {
    let trained = Trained::read();
    let condition = trained.visualizer.condition(trained.golden.get("tokens"));
    trained.golden.hold("condition", &condition, "mutant.condition.");
    assert_eq!(condition.size(), [3, 77, 6]);
    assert_eq!(condition.narrow(1, 9, 68).abs().max().double_value(&[]), 0.0);
}

#[test]
fn one_step_has_the_loss_and_the_gradients_of_diffusers() {
    let trained = Trained::read();
    let parameters = [("unet", &trained.unet), ("projector", &trained.projector)];
    let chosen: Vec<Tensor> = parameters.iter().flat_map(|(_, tensors)| tensors.train(|_| true)).collect();
    let loss = trained.loss();
    trained.golden.hold("loss", &loss, "mutant.loss.");
    loss.backward();
    let gradients = trained.golden.below("gradient.");
    assert_eq!(gradients.len(), chosen.len());
    for (name, theirs) in gradients {
        let (part, rest) = name.split_once('.').unwrap();
        let tensors = parameters.iter().find(|(name, _)| *name == part).unwrap().1;
        let ours = tensors.get(rest).unwrap().grad();
        agree(&ours, theirs).unwrap_or_else(|problem| panic!("the gradient of `{name}`: {problem}"));
    }
}

#[test]
fn six_steps_have_the_losses_of_pytorch() {
    let trained = Trained::read();
    let recipe = Recipe { peak: 1e-2, warmup: 2, end: 8, ..Recipe::PAPER };
    let chosen = [trained.unet.train(|_| true), trained.projector.train(|_| true)];
    let chosen = chosen.into_iter().flatten().collect();
    let mut optimizer =
        Optimizer::new(chosen, recipe.schedule()).unwrap().with_weight_decay(recipe.weight_decay).unwrap();
    let losses: Vec<f64> = (0..6).map(|_| optimizer.descend(&trained.loss()).unwrap()).collect();
    trained.golden.meet("losses", &Tensor::from_slice(&losses));
    assert_eq!(losses[0], losses[1], "the first rate is 0");
}

#[test]
fn images_are_drawn_as_the_pipeline_draws_them() {
    let trained = Trained::read();
    let (tokens, noise) = (trained.golden.get("tokens"), trained.golden.get("noise"));
    let draw = |guidance| trained.visualizer.draw(tokens, noise, Sampling { steps: 6, guidance }).unwrap();
    trained.golden.hold("drawn.7.5", &draw(7.5), "mutant.drawn.7.5.");
    trained.golden.hold("drawn.1", &draw(1.0), "drawn.7.5");
}

#[test]
fn random_choices_depend_on_an_images_number_and_not_on_its_neighbours() {
    let visualizer = Trained::read().visualizer;
    let purpose = Purpose { seed: 3, step: 5, drop_condition: 0.7 };
    let draws = |purpose, ids: &[u64]| visualizer.draws(purpose, ids, [4, 2, 2]);
    let (together, alone) = (draws(purpose, &[8, 9, 10]), draws(purpose, &[9]));
    assert_eq!((together.times[1], together.kept[1]), (alone.times[0], alone.kept[0]));
    assert_eq!((together.noise.get(1), together.latent.get(1)), (alone.noise.get(0), alone.latent.get(0)));
    assert_ne!(alone.noise, alone.latent);
    for other in [Purpose { seed: 4, ..purpose }, Purpose { step: 6, ..purpose }] {
        assert_ne!(draws(other, &[9]).noise, alone.noise);
    }
}

#[test]
fn the_share_of_conditions_that_are_dropped_is_the_one_that_was_asked_for() {
    let visualizer = Trained::read().visualizer;
    let ids: Vec<u64> = (0..2000).collect();
    let purpose = Purpose { seed: 1, step: 0, drop_condition: 0.7 };
    let draws = visualizer.draws(purpose, &ids, [1, 1, 1]);
    let kept = draws.kept.iter().filter(|&&kept| kept).count();
    // Four standard deviations are 82.
    assert!((518..=682).contains(&kept), "{kept} of 2000");
    assert!(draws.times.iter().any(|&time| time > 980) && draws.times.iter().all(|&time| time < 1000));
}
