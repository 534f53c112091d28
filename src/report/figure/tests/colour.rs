//! Colours measured: distances for colour-blind readers, order in grey, contrast of text.

use super::super::Hue;
use super::super::colour::{Rgb, group, level};

/// Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
const PROTANOPIA: [[f64; 3]; 3] =
    [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]];
const DEUTERANOPIA: [[f64; 3]; 3] =
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
const TRITANOPIA: [[f64; 3]; 3] =
    [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]];
const NORMAL: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
/// CIE XYZ of linear sRGB.
const XYZ: [[f64; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9, 0.119_192_0, 0.950_304_1],
];

const HUES: [Hue; 5] = [Hue::Blue, Hue::Green, Hue::Orange, Hue::Purple, Hue::Red];

fn times(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// CIE L*a*b* of a colour as seen by an eye.
fn lab(colour: Rgb, eye: [[f64; 3]; 3]) -> [f64; 3] {
    let seen = times(eye, colour.linear()).map(|part| part.clamp(0.0, 1.0));
    let [x, y, z] = times(XYZ, seen);
    let [x, y, z] =
        [x / 0.950_47, y, z / 1.088_83].map(|t| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(a: Rgb, b: Rgb, eye: [[f64; 3]; 3]) -> f64 {
    lab(a, eye).iter().zip(lab(b, eye)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn lightness(colour: Rgb) -> f64 {
    lab(colour, NORMAL)[0]
}

#[test]
fn the_yardstick_knows_white_black_and_red() {
    assert!((lightness(Rgb::WHITE) - 100.0).abs() < 0.01);
    assert!(lightness(Rgb(0, 0, 0)).abs() < 0.01);
    let [l, a, b] = lab(Rgb(255, 0, 0), NORMAL);
    assert!((l - 53.24).abs() < 0.1 && (a - 80.09).abs() < 0.2 && (b - 67.20).abs() < 0.2, "{l} {a} {b}");
}

#[test]
fn groups_stay_apart_for_every_eye() {
    for eye in [NORMAL, PROTANOPIA, DEUTERANOPIA, TRITANOPIA] {
        for (a, b) in (0..6).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let distance = distance(group(a), group(b), eye);
            assert!(distance > 20.0, "groups {a} and {b} are {distance:.1} apart");
        }
    }
}

#[test]
fn groups_stay_apart_in_grey() {
    let mut lightnesses: Vec<f64> = (0..6).map(|index| lightness(group(index))).collect();
    lightnesses.sort_by(f64::total_cmp);
    assert!(lightnesses.windows(2).all(|pair| pair[1] - pair[0] > 6.0), "{lightnesses:?}");
}

#[test]
fn levels_darken_in_equal_order_for_every_eye() {
    for count in 2..12 {
        for eye in [NORMAL, PROTANOPIA, DEUTERANOPIA, TRITANOPIA] {
            let steps: Vec<f64> = (0..count).map(|index| lab(level(index, count), eye)[0]).collect();
            assert!(
                steps.windows(2).all(|pair| pair[0] - pair[1] > 25.0 / f64::from(u32::try_from(count).unwrap())),
                "{count}: {steps:?}"
            );
        }
    }
}

#[test]
fn shades_darken_all_the_way_for_every_eye() {
    for hue in HUES {
        for eye in [NORMAL, PROTANOPIA, DEUTERANOPIA, TRITANOPIA] {
            let steps: Vec<f64> = (0..=64).map(|step| lab(hue.shade(f64::from(step) / 64.0), eye)[0]).collect();
            assert!(steps.windows(2).all(|pair| pair[1] < pair[0] + 0.05), "{hue:?} {steps:?}");
            assert!(steps[0] - steps[64] > 40.0, "{hue:?} spans {}", steps[0] - steps[64]);
        }
    }
}

#[test]
fn text_is_readable_on_every_shade() {
    for ground in HUES.into_iter().flat_map(|hue| (0..=100).map(move |step| hue.shade(f64::from(step) / 100.0))) {
        let (a, b) = (ground.luminance() + 0.05, ground.readable().luminance() + 0.05);
        assert!(a.max(b) / a.min(b) >= 4.5, "{ground:?}");
    }
}

#[test]
fn secondary_text_is_readable_on_white() {
    for ink in [Rgb::INK, Rgb::QUIET, Rgb::ALARM] {
        assert!(1.05 / (ink.luminance() + 0.05) >= 7.0, "{ink:?}");
    }
}
