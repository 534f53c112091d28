use tch::{Kind, Tensor};
use vpit::judge::Preparation;
use vpit::tool::folder;

use super::golden;

/// `levels` of the generator.
pub fn levels(height: i64, width: i64) -> Tensor {
    let at = |y: i64, x: i64, c: i64| ((x * 7 + y * 13 + c * 89 + (x * y) / 5) % 256) as u8;
    let planes = (0..3).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| at(y, x, c))));
    Tensor::from_slice(&planes.collect::<Vec<u8>>()).view([3, height, width])
}

const KINDS: [Preparation; 3] = [Preparation::PytorchFid, Preparation::Clean, Preparation::Tf];

#[test]
fn each_preparation_is_its_references_on_odd_sizes() {
    let golden: Vec<(String, Tensor)> = Tensor::read_safetensors(golden("preparation.safetensors")).unwrap();
    let mut compared = 0;
    for (name, theirs) in &golden {
        let Some((kind, size)) = name.split_once('.').filter(|(kind, _)| *kind != "features") else { continue };
        let (height, width) = size.split_once('x').unwrap();
        let picture = levels(height.parse().unwrap(), width.parse().unwrap());
        let apart = |of: Preparation| {
            let ours = of.of(&picture).slice(1, 0, None, 23).slice(2, 0, None, 19);
            (ours - theirs).abs().max().double_value(&[])
        };
        for of in KINDS {
            let same = of.name() == kind;
            // A level is a 128th. One pixel has the same surface, however it is resized.
            assert!(!same || apart(of) < 1e-4, "{name}: {}", apart(of));
            assert!(same || size == "1x1" || apart(of) > 1e-2, "{name} does not differ from {of}");
        }
        compared += 1;
    }
    assert_eq!(compared, 12);
}

/// JPEG leaves the last bit to the decoder, and how colours of a coarser grid are spread.
#[test]
fn pictures_of_all_kinds_are_read_as_pillow_reads_them() {
    let golden_levels = Tensor::read_safetensors(golden("pictures.safetensors")).unwrap();
    assert_eq!(golden_levels.len(), 14);
    for (name, theirs) in golden_levels {
        let ours = folder::levels(&golden("pictures").join(&name)).unwrap();
        assert_eq!(ours.size(), theirs.size(), "{name}");
        // Pillow makes white of all grey levels above 255, so that the references see nothing; here the upper 8 bits count.
        let theirs = if name == "grey16.png" {
            assert!(theirs.mean(Kind::Double).double_value(&[]) > 250.0);
            levels(21, 33).narrow(0, 0, 1).expand([3, -1, -1], false)
        } else {
            theirs
        };
        let apart = (ours.to_kind(Kind::Int64) - theirs.to_kind(Kind::Int64)).abs();
        let (most, mean) = (apart.max().int64_value(&[]), apart.mean(Kind::Double).double_value(&[]));
        let allowed = match name.as_str() {
            "subsampled.jpg" | "progressive.jpg" => (8, 0.5),
            name if name.ends_with(".jpg") => (3, 0.5),
            "lossy.webp" => (3, 0.5),
            _ => (0, 0.0),
        };
        assert!(most <= allowed.0 && mean <= allowed.1, "{name}: up to {most} levels apart, {mean} on average");
    }
}
