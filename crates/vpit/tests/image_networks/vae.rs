use vpit::diffusion::stable_diffusion::Vae;
use vpit::diffusion::stable_diffusion::vae_config::WireVae;

use super::golden::{Golden, network};

fn encodes_and_decodes_as_diffusers_does(name: &str) {
    let name = &format!("diffusion/{name}");
    let (vae, _) = network::<WireVae, _>(name, Vae::new);
    let golden = Golden::read(name);
    let moments = vae.encode(golden.get("images"));
    golden.hold("mean", &moments.mean, "mutant.mean.");
    golden.meet("logvar", &moments.log_variance);
    golden.meet("mode", &moments.mode());
    golden.hold("sample", &moments.sample(golden.get("noise")), "mutant.sample.");
    golden.hold("decoded", &vae.decode(golden.get("latents")), "mutant.decoded.");
}

#[test]
fn an_autoencoder_like_stable_diffusions_encodes_and_decodes_as_diffusers_does() {
    encodes_and_decodes_as_diffusers_does("vae-sd");
}

#[test]
fn images_may_be_of_odd_sizes_and_other_channels() {
    encodes_and_decodes_as_diffusers_does("vae-odd");
}

#[test]
fn on_faint_maps_every_epsilon_counts() {
    encodes_and_decodes_as_diffusers_does("vae-faint");
}
