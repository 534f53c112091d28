use std::fs;

use score::frechet::{Moments, between, distance};
use score::kid;
use serde::Deserialize;
use tch::Tensor;
use vpit::judge::{Inception, Preparation};
use vpit::tool::npz;

use super::pictures::levels;
use super::{golden, vpit};
use crate::convert::uniform;

#[derive(Deserialize)]
struct Golden {
    dim: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    #[serde(rename = "pytorch-fid")]
    pytorch_fid: f64,
    #[serde(rename = "clean-fid")]
    clean_fid: f64,
    #[serde(rename = "torch-fidelity")]
    torch_fidelity: f64,
    #[serde(rename = "kid torch-fidelity")]
    kid_torch_fidelity: f64,
    #[serde(rename = "kid clean-fid")]
    kid_clean_fid: f64,
}

fn read() -> Golden {
    serde_json::from_slice(&fs::read(golden("distances.json")).unwrap()).unwrap()
}

fn moments(dim: usize, rows: &[f64]) -> Moments {
    let mut moments = Moments::new(dim);
    moments.extend(rows).unwrap();
    moments
}

fn near(ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() < tolerance * theirs.abs(), "{ours} is not {theirs}");
}

#[test]
fn distances_are_those_of_three_references() {
    let golden = read();
    let ours = distance(&moments(golden.dim, &golden.a), &moments(golden.dim, &golden.b)).unwrap();
    for theirs in [golden.pytorch_fid, golden.clean_fid, golden.torch_fidelity] {
        near(ours, theirs, 1e-9);
    }
}

#[test]
fn kernel_distances_are_those_of_two_references() {
    let golden = read();
    let ours = kid::discrepancy(golden.dim, &golden.a, &golden.b).unwrap();
    near(ours, golden.kid_torch_fidelity, 1e-9);
    near(ours, golden.kid_clean_fid, 1e-9);
}

#[test]
fn statistics_that_numpy_packed_are_read() {
    let golden_values = read();
    let (statistics, n) = npz::read(&golden("numpy.npz")).unwrap();
    assert_eq!(n, None);
    let ours = moments(golden_values.dim, &golden_values.a).normal().unwrap();
    assert!(between(&statistics, &ours).unwrap() < 1e-9);
    for (ours, theirs) in ours.covariance().iter().zip(statistics.covariance()) {
        assert!((ours - theirs).abs() < 1e-12);
    }
}

/// The weight that the generator gives Inception.
fn weight(name: &str, shape: &[i64]) -> Tensor {
    let inputs: i64 = shape.iter().skip(1).product();
    match shape.len() {
        1 if name.ends_with("running_var") => uniform(name, shape) * 0.5 + 1.0,
        1 if name.ends_with("weight") => uniform(name, shape) * 0.2 + 1.0,
        1 => uniform(name, shape) * 0.1,
        _ => uniform(name, shape) * (3.0 / inputs as f64).sqrt(),
    }
}

/// A file of weights for Inception.
fn weights(folder: &std::path::Path, weight: impl Fn(&str, &[i64]) -> Tensor) -> String {
    let path = folder.join("inception.safetensors");
    let outline = vpit::model::Weights::fresh(0).shapes_only().build(Inception::new).unwrap().1;
    let tensors: Vec<(String, Tensor)> =
        outline.iter().map(|(name, tensor)| (name.to_owned(), weight(name, &tensor.size()))).collect();
    Tensor::write_safetensors(&tensors, &path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The first picture is the references' own, a second one keeps the covariance from being empty.
fn folder_of_pictures(folder: &std::path::Path) -> String {
    let pictures = folder.join("pictures");
    fs::create_dir(&pictures).unwrap();
    for (name, size) in [("a.png", (340, 517)), ("b.png", (40, 30))] {
        tch::vision::image::save(&levels(size.0, size.1), pictures.join(name)).unwrap();
    }
    pictures.to_str().unwrap().to_owned()
}

#[test]
fn a_folder_becomes_the_statistics_of_the_references_features() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, pictures) = (weights(folder.path(), weight), folder_of_pictures(folder.path()));
    let features: Vec<(String, Tensor)> = Tensor::read_safetensors(golden("preparation.safetensors")).unwrap();
    let inception = vpit::model::Weights::read(weights.as_ref()).unwrap().build(Inception::new).unwrap().0;
    for kind in [Preparation::PytorchFid, Preparation::Clean, Preparation::Tf] {
        let (_, theirs) = features.iter().find(|(name, _)| *name == format!("features.{kind}")).unwrap();
        let forward = |picture: &Tensor| tch::no_grad(|| inception.forward(&kind.of(picture).unsqueeze(0)));
        let (ours, other) = (forward(&levels(340, 517)), forward(&levels(40, 30)));
        let error = ((&ours - theirs).abs().max() / theirs.abs().max()).double_value(&[]);
        assert!(error < 1e-4, "{kind}: {error}");
        if kind == Preparation::Clean {
            let out = folder.path().join("out.npz");
            let out = out.to_str().unwrap();
            let said = vpit(&["fid-statistics", &pictures, out, "--weights", &weights, "--preparation", "clean"]);
            assert!(said.unwrap().contains("statistics of 2 pictures, 0 passed over"));
            let (statistics, n) = npz::read(out.as_ref()).unwrap();
            let mean = Tensor::from_slice(statistics.mean()) - ((ours + other) / 2.0).squeeze_dim(0);
            assert!(n == Some(2) && mean.abs().max().double_value(&[]) < 1e-4);
        }
    }
}

#[test]
fn numbers_that_carry_no_distance_are_refused_before_anything_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = |_: &str, shape: &[i64]| Tensor::zeros(shape, tch::kind::FLOAT_CPU);
    let (weights, pictures) = (weights(folder.path(), zeros), folder_of_pictures(folder.path()));
    let few = vpit(&["fid", &pictures, &pictures, "--weights", &weights]).unwrap_err();
    assert!(few.contains("2 pictures") && few.contains("--biased"), "{few}");
    let other = golden("pictures");
    let unknown = golden("numpy.npz");
    let dimensions =
        vpit(&["fid", unknown.to_str().unwrap(), &pictures, "--weights", &weights, "--biased"]).unwrap_err();
    assert!(dimensions.contains("12 dimensions"), "{dimensions}");
    let nothing = vpit(&["fid", "nowhere", other.to_str().unwrap(), "--weights", &weights]).unwrap_err();
    assert!(nothing.contains("nowhere"), "{nothing}");
    fs::write(folder.path().join("pictures/c.jpg"), "no picture").unwrap();
    let out = folder.path().join("out.npz");
    let arguments = ["fid-statistics", &pictures, out.to_str().unwrap(), "--weights", &weights];
    assert!(vpit(&arguments).unwrap_err().contains("c.jpg"));
    let said = vpit(&[&arguments[..], &["--skip-broken"]].concat()).unwrap();
    assert!(said.contains("statistics of 2 pictures, 1 passed over"), "{said}");
}

#[test]
fn features_that_are_no_numbers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let broken = |name: &str, shape: &[i64]| match name {
        "Conv2d_1a_3x3.bn.bias" => Tensor::full(shape, f64::NAN, tch::kind::FLOAT_CPU),
        _ => weight(name, shape),
    };
    let (weights, pictures) = (weights(folder.path(), broken), folder_of_pictures(folder.path()));
    let out = folder.path().join("out.npz");
    let said = vpit(&["fid-statistics", &pictures, out.to_str().unwrap(), "--weights", &weights]).unwrap_err();
    assert!(said.contains("cannot compute the Fréchet distance: feature 0 of row 0 is NaN") && !out.exists(), "{said}");
}

#[test]
fn different_numbers_of_pictures_are_not_compared() {
    let (golden, folder) = (read(), tempfile::tempdir().unwrap());
    let file = |name: &str, n: u64| {
        let path = folder.path().join(name);
        npz::write(&path, &moments(golden.dim, &golden.a).normal().unwrap(), n).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (few, many) = (file("few.npz", 3_000), file("many.npz", 30_000));
    let said = vpit(&["fid", &few, &many]).unwrap_err();
    assert!(said.contains("3000 real and 30000 generated") && said.contains("--biased"), "{said}");
    let said = vpit(&["fid", &few, &many, "--biased"]).unwrap();
    assert!(
        said.contains("n = 3000 real, 30000 generated\n") && said.contains("warning: n = 3000 is below 20480"),
        "{said}"
    );
}

#[test]
fn statistics_are_compared_and_say_of_how_many_pictures_they_are() {
    let (golden_values, folder) = (read(), tempfile::tempdir().unwrap());
    let zeros = |_: &str, shape: &[i64]| Tensor::zeros(shape, tch::kind::FLOAT_CPU);
    let weights = weights(folder.path(), zeros);
    let file = |name: &str, rows: &[f64]| {
        let path = folder.path().join(name);
        npz::write(&path, &moments(golden_values.dim, rows).normal().unwrap(), 60).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (a, b) = (file("a.npz", &golden_values.a), file("b.npz", &golden_values.b));
    let arguments = ["fid", &a, &b, "--weights", &weights, "--json"];
    assert!(vpit(&arguments).unwrap_err().contains("60 pictures"));
    let report: serde_json::Value =
        serde_json::from_str(&vpit(&[&arguments[..], &["--biased"]].concat()).unwrap()).unwrap();
    near(report["value"].as_f64().unwrap(), golden_values.pytorch_fid, 1e-9);
    assert_eq!((&report["metric"], &report["n"]), (&"fid/pytorch-fid".into(), &serde_json::json!([60, 60])));
    // Nobody has to look at anything, so no weights are needed; then nobody knows how the pictures were prepared.
    let alone: serde_json::Value =
        serde_json::from_str(&vpit(&["fid", &a, &b, "--biased", "--json"]).unwrap()).unwrap();
    assert_eq!(
        (&alone["metric"], &alone["weights"], &alone["value"]),
        (&"fid".into(), &serde_json::Value::Null, &report["value"])
    );
    let pictures = folder_of_pictures(folder.path());
    assert!(vpit(&["fid", &a, &pictures, "--biased"]).unwrap_err().contains("with --weights"));
    assert!(vpit(&["fid", &a, &b, "--biased", "--kid"]).unwrap_err().contains("--kid needs the pictures"));
    let unknown = golden("numpy.npz");
    let said = vpit(&["fid", unknown.to_str().unwrap(), &a, "--weights", &weights, "--biased"]).unwrap();
    assert!(said.contains("at n = ? real, 60 generated") && said.contains("does not say of how many"), "{said}");
}
