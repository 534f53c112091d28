use std::fs;

use tch::Tensor;
use vpit::rng::Rng;
use vpit::tool::torch_file;

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
