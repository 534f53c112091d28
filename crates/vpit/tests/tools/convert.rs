use std::fs;
use std::io::Read;

use tch::Tensor;
use vpit::judge::{Preparation, fid};
use vpit::rng::Rng;
use vpit::tool::torch_file;

use super::pictures::levels;
use super::{golden, vpit};

/// `uniform` of the generator: numbers in [-1, 1) that depend on the name.
pub fn uniform(name: &str, shape: &[i64]) -> Tensor {
    let mut rng = Rng::new(0, name, 0);
    let drawn: Vec<f32> = (0..shape.iter().product()).map(|_| (2.0 * rng.f64() - 1.0) as f32).collect();
    Tensor::from_slice(&drawn).view(shape)
}

fn tensors(name: &str) -> Result<Vec<(String, Tensor)>, String> {
    torch_file::tensors(&fs::read(golden(name)).unwrap())
}

#[test]
fn tensors_that_torch_saved_are_read_from_old_and_new_files() {
    let theirs = Tensor::read_safetensors(golden("torch.safetensors")).unwrap();
    for file in ["old.pth", "new.pth"] {
        let ours = tensors(file).unwrap();
        assert_eq!(ours.len(), theirs.len());
        for (name, tensor) in &theirs {
            let (_, found) = ours.iter().find(|(found, _)| found == name).unwrap();
            assert_eq!(found.to_kind(tch::Kind::Float), *tensor, "{name} of {file}");
        }
    }
    for file in ["module-old.pth", "module-new.pth"] {
        let ours = tensors(file).unwrap();
        assert_eq!(
            ours,
            [("0.weight".to_owned(), uniform("weight", &[2, 3])), ("0.bias".to_owned(), uniform("bias", &[2]))]
        );
    }
}

#[test]
fn what_is_no_dictionary_of_tensors_is_refused() {
    assert!(tensors("training.pth").unwrap_err().contains("`epoch` is no tensor"));
    assert!(torch_file::tensors(b"").is_err());
    assert!(torch_file::tensors(b"\x80\x02K\x05.").unwrap_err().contains("no file of torch.save"));
    for file in ["old.pth", "new.pth"] {
        let whole = fs::read(golden(file)).unwrap();
        for length in (0..whole.len()).step_by(7) {
            assert!(torch_file::tensors(&whole[..length]).is_err(), "{length} of {file}");
        }
    }
}

#[test]
fn a_file_that_is_not_fids_inception_is_not_converted() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("out.safetensors");
    let from = golden("module-old.pth");
    let error = vpit(&["convert-inception", from.to_str().unwrap(), to.to_str().unwrap()]).unwrap_err();
    assert!(error.contains("is not FID's Inception") && error.contains("unexpected `0.weight`"), "{error}");
    assert!(!to.exists());
}

/// Weights under the published names and shapes in the published form of file; their numbers repeat, so that they pack well.
#[test]
fn a_file_of_the_published_form_becomes_the_network_that_pytorch_fid_makes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("inception.pth"), folder.path().join("inception.safetensors"));
    let packed = fs::read(golden("inception.pth.gz")).unwrap();
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
    fs::write(&from, &unpacked).unwrap();
    let arguments = ["convert-inception", from.to_str().unwrap(), to.to_str().unwrap()];
    let error = vpit(&arguments).unwrap_err();
    assert!(error.contains("not 6726825d") && !to.exists(), "{error}");
    let said = vpit(&[&arguments[..], &["--unpublished"]].concat()).unwrap();
    assert!(said.contains("472 tensors, weights that are not the published ones"), "{said}");
    let judge = fid::Judge::open(&to, Preparation::PytorchFid, tch::Device::Cpu).unwrap();
    let ours = judge.features(&judge.preparation.of(&levels(131, 87)).unsqueeze(0));
    let theirs = Tensor::read_safetensors(golden("converted.safetensors")).unwrap().remove(0).1.squeeze_dim(0);
    let error = (Tensor::from_slice(&ours) - &theirs).abs().max() / theirs.abs().max();
    assert!(error.double_value(&[]) < 1e-4, "{error:?}");
    // Cut short, and with one byte of its pickle changed.
    fs::write(&from, &unpacked[..unpacked.len() - 5]).unwrap();
    assert!(vpit(&[&arguments[..], &["--unpublished"]].concat()).unwrap_err().contains("cut short"));
    unpacked[400] ^= 0x55;
    fs::write(&from, &unpacked).unwrap();
    assert!(vpit(&[&arguments[..], &["--unpublished"]].concat()).is_err());
}
