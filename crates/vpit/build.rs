//! Compiles the C++ shim against the libtorch that `torch-sys` found, and lets `vpit` and its tests find that libtorch at run
//! time without `LD_LIBRARY_PATH`.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cpp");
    // Set by `torch-sys`, whichever way it found libtorch.
    let Some(libraries) = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else { return };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    let include = libraries.parent().unwrap_or(&libraries).join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .define("USE_C10D_GLOO", None)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        // Before libtorch's: it has no headers of gloo.
        .include(Path::new("cpp"))
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .file("cpp/shim.cpp")
        .compile("vpit_shim");
}
