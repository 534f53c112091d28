//! The Inception network that FID is defined by: the graph of 2015-12-05 in torchvision's names (Szegedy et al. 2016).
//!
//! It differs from torchvision's Inception v3 in ways that change every score. Averages over windows at the border count
//! the places inside alone; the last block takes a maximum where the others average; there are 1008 classes and no
//! auxiliary ones. The weights are those of pytorch-fid's `pt_inception-2015-12-05`, without its counters of batches.

use tch::{Kind, Tensor};

use crate::model::layers::{Bias, Linear};
use crate::model::weights::{Init, Scope};

/// Width of the features.
pub const WIDTH: i64 = 2048;

/// Convolutions, then blocks of parallel branches.
#[derive(Debug)]
pub struct Inception {
    stem: [BasicConv; 5],
    mixed: Vec<Mixed>,
    /// 1008 classes; FID does not ask for them.
    pub fc: Linear,
}

impl Inception {
    #[must_use]
    pub fn new(scope: &Scope<'_>) -> Self {
        let stem = |name: &str, channels, window| BasicConv::new(&scope.at(name), channels, window);
        Self {
            stem: [
                stem("Conv2d_1a_3x3", [3, 32], HALVING),
                stem("Conv2d_2a_3x3", [32, 32], Window { padding: [0, 0], ..square(3) }),
                stem("Conv2d_2b_3x3", [32, 64], square(3)),
                stem("Conv2d_3b_1x1", [64, 80], square(1)),
                stem("Conv2d_4a_3x3", [80, 192], Window { padding: [0, 0], ..square(3) }),
            ],
            mixed: vec![
                Mixed::a(&scope.at("Mixed_5b"), 192, 32),
                Mixed::a(&scope.at("Mixed_5c"), 256, 64),
                Mixed::a(&scope.at("Mixed_5d"), 288, 64),
                Mixed::b(&scope.at("Mixed_6a"), 288),
                Mixed::c(&scope.at("Mixed_6b"), 128),
                Mixed::c(&scope.at("Mixed_6c"), 160),
                Mixed::c(&scope.at("Mixed_6d"), 160),
                Mixed::c(&scope.at("Mixed_6e"), 192),
                Mixed::d(&scope.at("Mixed_7a"), 768),
                Mixed::e(&scope.at("Mixed_7b"), 1280, Pool::Average),
                Mixed::e(&scope.at("Mixed_7c"), 2048, Pool::Maximum),
            ],
            fc: Linear::new(&scope.at("fc"), WIDTH, 1008, Bias::With),
        }
    }

    /// The same with each normalisation, which is linear once its moments are stored, taken into the convolution before it:
    /// equal to rounding, and a pass over the map less for each.
    #[must_use]
    pub fn folded(self) -> Self {
        let mixed = self.mixed.into_iter().map(Mixed::folded).collect();
        Self { stem: self.stem.map(BasicConv::folded), mixed, ..self }
    }

    /// Features `[n, 2048]` of prepared images `[n, 3, side, side]`, see [`super::Preparation`].
    pub fn forward(&self, images: &Tensor) -> Tensor {
        let [conv_1a, conv_2a, conv_2b, conv_3b, conv_4a] = &self.stem;
        let x = conv_2b.forward(&conv_2a.forward(&conv_1a.forward(images)));
        let x = conv_4a.forward(&conv_3b.forward(&Pool::Halving.of(&x)));
        let x = self.mixed.iter().fold(Pool::Halving.of(&x), |x, block| block.forward(&x));
        x.mean_dim([2i64, 3].as_slice(), false, Kind::Float)
    }
}

/// How a convolution looks at its input.
#[derive(Debug, Clone, Copy)]
struct Window {
    size: [i64; 2],
    stride: i64,
    padding: [i64; 2],
}

/// A window that keeps height and width.
const fn keeping(size: [i64; 2]) -> Window {
    let [height, width] = size;
    Window { size, stride: 1, padding: [(height - 1) / 2, (width - 1) / 2] }
}

const fn square(side: i64) -> Window {
    keeping([side, side])
}

const ACROSS: Window = keeping([1, 7]);
const DOWN: Window = keeping([7, 1]);
/// To half the height and width, without a border.
const HALVING: Window = Window { size: [3, 3], stride: 2, padding: [0, 0] };

/// A convolution without bias, batch normalisation by stored moments, ReLU.
#[derive(Debug)]
struct BasicConv {
    weight: Tensor,
    norm: Norm,
    window: Window,
}

/// What follows a convolution.
#[derive(Debug)]
enum Norm {
    /// Weight, bias, mean and variance.
    Apart([Tensor; 4]),
    /// All of it is in the convolution's weight and this bias.
    Folded(Tensor),
}

/// Added to variances.
const EPS: f64 = 1e-3;

impl BasicConv {
    fn new(scope: &Scope<'_>, [inputs, outputs]: [i64; 2], window: Window) -> Self {
        let [height, width] = window.size;
        let norm = |name: &str, init| scope.at("bn").tensor(name, &[outputs], init);
        let init = Init::fan_in(inputs * height * width);
        Self {
            weight: scope.at("conv").tensor("weight", &[outputs, inputs, height, width], init),
            norm: Norm::Apart([
                norm("weight", Init::Ones),
                norm("bias", Init::Zeros),
                norm("running_mean", Init::Zeros),
                norm("running_var", Init::Ones),
            ]),
            window,
        }
    }

    fn folded(self) -> Self {
        let Norm::Apart([weight, bias, mean, variance]) = &self.norm else { return self };
        let scale = weight / (variance + EPS).sqrt();
        let folded = Norm::Folded(bias - mean * &scale);
        Self { weight: &self.weight * scale.view([-1, 1, 1, 1]), norm: folded, ..self }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let Window { stride, padding, .. } = self.window;
        let convolved = |bias: Option<&Tensor>| x.conv2d(&self.weight, bias, [stride; 2], padding, [1, 1], 1);
        let mut x = match &self.norm {
            Norm::Folded(bias) => convolved(Some(bias)),
            Norm::Apart(norm) => {
                let [weight, bias, mean, variance] = norm.each_ref().map(Some);
                convolved(None).batch_norm(weight, bias, mean, variance, false, 0.0, EPS, false)
            }
        };
        x.relu_()
    }
}

/// How places are drawn together.
#[derive(Debug, Clone, Copy)]
enum Pool {
    /// Over the neighbours inside the map.
    Average,
    /// Over the neighbours.
    Maximum,
    /// The maximum, to half the height and width.
    Halving,
}

impl Pool {
    fn of(self, x: &Tensor) -> Tensor {
        match self {
            Self::Average => x.avg_pool2d([3, 3], [1, 1], [1, 1], false, false, None),
            Self::Maximum => x.max_pool2d([3, 3], [1, 1], [1, 1], [1, 1], false),
            Self::Halving => x.max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false),
        }
    }
}

/// Convolutions one after another; the last ones, if there are two, side by side.
#[derive(Debug)]
struct Branch {
    chain: Vec<BasicConv>,
    side_by_side: Vec<BasicConv>,
}

/// One convolution of a branch: the end of its name, its channels, its window.
type Step = (&'static str, i64, Window);

impl Branch {
    fn new(scope: &Scope<'_>, inputs: i64, chain: &[Step], side_by_side: &[Step]) -> Self {
        let mut inputs = inputs;
        let chain = chain.iter().map(|&(name, outputs, window)| {
            let conv = BasicConv::new(&scope.at(name), [inputs, outputs], window);
            inputs = outputs;
            conv
        });
        let chain = chain.collect();
        let last = |&(name, outputs, window): &Step| BasicConv::new(&scope.at(name), [inputs, outputs], window);
        Self { chain, side_by_side: side_by_side.iter().map(last).collect() }
    }

    fn folded(self) -> Self {
        let folded = |convs: Vec<BasicConv>| convs.into_iter().map(BasicConv::folded).collect();
        Self { chain: folded(self.chain), side_by_side: folded(self.side_by_side) }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.chain.iter().fold(x.shallow_clone(), |x, conv| conv.forward(&x));
        if self.side_by_side.is_empty() {
            return x;
        }
        Tensor::cat(&self.side_by_side.iter().map(|conv| conv.forward(&x)).collect::<Vec<_>>(), 1)
    }
}

/// A block of branches whose channels are joined, a pooled one last.
#[derive(Debug)]
struct Mixed {
    branches: Vec<Branch>,
    pool: Pool,
    branch_pool: Option<BasicConv>,
}

impl Mixed {
    /// torchvision's `InceptionA`.
    fn a(scope: &Scope<'_>, inputs: i64, pooled: i64) -> Self {
        let double =
            [("branch3x3dbl_1", 64, square(1)), ("branch3x3dbl_2", 96, square(3)), ("branch3x3dbl_3", 96, square(3))];
        Self {
            branches: vec![
                Branch::new(scope, inputs, &[("branch1x1", 64, square(1))], &[]),
                Branch::new(scope, inputs, &[("branch5x5_1", 48, square(1)), ("branch5x5_2", 64, square(5))], &[]),
                Branch::new(scope, inputs, &double, &[]),
            ],
            pool: Pool::Average,
            branch_pool: Some(BasicConv::new(&scope.at("branch_pool"), [inputs, pooled], square(1))),
        }
    }

    /// torchvision's `InceptionB`.
    fn b(scope: &Scope<'_>, inputs: i64) -> Self {
        let double =
            [("branch3x3dbl_1", 64, square(1)), ("branch3x3dbl_2", 96, square(3)), ("branch3x3dbl_3", 96, HALVING)];
        Self {
            branches: vec![
                Branch::new(scope, inputs, &[("branch3x3", 384, HALVING)], &[]),
                Branch::new(scope, inputs, &double, &[]),
            ],
            pool: Pool::Halving,
            branch_pool: None,
        }
    }

    /// torchvision's `InceptionC`, from 768 channels to as many.
    fn c(scope: &Scope<'_>, inner: i64) -> Self {
        let inputs = 768;
        let single = [("branch7x7_1", inner, square(1)), ("branch7x7_2", inner, ACROSS), ("branch7x7_3", 192, DOWN)];
        let double = [
            ("branch7x7dbl_1", inner, square(1)),
            ("branch7x7dbl_2", inner, DOWN),
            ("branch7x7dbl_3", inner, ACROSS),
            ("branch7x7dbl_4", inner, DOWN),
            ("branch7x7dbl_5", 192, ACROSS),
        ];
        Self {
            branches: vec![
                Branch::new(scope, inputs, &[("branch1x1", 192, square(1))], &[]),
                Branch::new(scope, inputs, &single, &[]),
                Branch::new(scope, inputs, &double, &[]),
            ],
            pool: Pool::Average,
            branch_pool: Some(BasicConv::new(&scope.at("branch_pool"), [inputs, 192], square(1))),
        }
    }

    /// torchvision's `InceptionD`.
    fn d(scope: &Scope<'_>, inputs: i64) -> Self {
        let long = [
            ("branch7x7x3_1", 192, square(1)),
            ("branch7x7x3_2", 192, ACROSS),
            ("branch7x7x3_3", 192, DOWN),
            ("branch7x7x3_4", 192, HALVING),
        ];
        Self {
            branches: vec![
                Branch::new(scope, inputs, &[("branch3x3_1", 192, square(1)), ("branch3x3_2", 320, HALVING)], &[]),
                Branch::new(scope, inputs, &long, &[]),
            ],
            pool: Pool::Halving,
            branch_pool: None,
        }
    }

    /// torchvision's `InceptionE`.
    fn e(scope: &Scope<'_>, inputs: i64, pool: Pool) -> Self {
        let (across, down) = (keeping([1, 3]), keeping([3, 1]));
        let double = [("branch3x3dbl_1", 448, square(1)), ("branch3x3dbl_2", 384, square(3))];
        Self {
            branches: vec![
                Branch::new(scope, inputs, &[("branch1x1", 320, square(1))], &[]),
                Branch::new(
                    scope,
                    inputs,
                    &[("branch3x3_1", 384, square(1))],
                    &[("branch3x3_2a", 384, across), ("branch3x3_2b", 384, down)],
                ),
                Branch::new(
                    scope,
                    inputs,
                    &double,
                    &[("branch3x3dbl_3a", 384, across), ("branch3x3dbl_3b", 384, down)],
                ),
            ],
            pool,
            branch_pool: Some(BasicConv::new(&scope.at("branch_pool"), [inputs, 192], square(1))),
        }
    }

    fn folded(self) -> Self {
        let branches = self.branches.into_iter().map(Branch::folded).collect();
        Self { branches, branch_pool: self.branch_pool.map(BasicConv::folded), ..self }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let mut parts: Vec<Tensor> = self.branches.iter().map(|branch| branch.forward(x)).collect();
        let pooled = self.pool.of(x);
        parts.push(self.branch_pool.iter().fold(pooled, |pooled, conv| conv.forward(&pooled)));
        Tensor::cat(&parts, 1)
    }
}
